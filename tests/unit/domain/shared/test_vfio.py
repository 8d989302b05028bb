"""PCI devices of the host, as VFIO hands them over."""

from __future__ import annotations

import pytest

from prober.domain.shared.vfio import HostPci, read_host_pci, vfio_host


@pytest.mark.parametrize(
    ("text", "device"),
    [("0000:03:07.1", HostPci(0, 3, 7, 1)), ("0001ffff:FF:1f.0", HostPci(0x1FFFF, 0xFF, 0x1F, 0))],
)
def test_a_pci_address_of_the_host_is_read(text: str, device: HostPci) -> None:
    assert read_host_pci(text) == device


@pytest.mark.parametrize("text", ["", "03:07.1", "0000:03:07.8", "0000:3:07.1", "0000:03:07.1,x=y", "0000:03:07.1\n"])
def test_other_texts_are_no_pci_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not a PCI address"):
        read_host_pci(text)


def test_a_pci_address_is_written_as_sysfs_has_it() -> None:
    assert str(HostPci(0, 0xA, 0x1F, 3)) == "0000:0a:1f.3"


def test_who_manages_a_device_takes_it_and_gives_it_back() -> None:
    device = HostPci(0, 3, 0, 0)
    managed = vfio_host(device, "hostdev0", managed=True).needs[0].todo
    assert managed.startswith("bind the PCI device 0000:03:00.0 of the host to the driver vfio-pci")
    assert managed.endswith("give the device back to its own driver after the guest has ended")
    other = vfio_host(device, "hostdev0", driver="vfio-pci-igb").needs[0].todo
    assert other.startswith("the PCI device 0000:03:00.0 of the host must be bound to the driver vfio-pci-igb")
    assert "give the device back" not in other
