"""A cell is what `prober translate` says, with the guest's buses beside it."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from prober.host.host import Host
from prober.pages.cells import CellAsked, cell_of, outline_of
from prober.pages.guest import GuestDevice
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conftest import CHECKOUT
from tests.unit.pages.books import EXAMPLE, REFUSED, bundled

CASES = sorted((CHECKOUT / "tests" / "cases").glob("hotplug*.xml"))


def test_one_that_is_accepted_has_the_command_line_and_the_notes() -> None:
    caps, domain = bundled("7.2.22"), read_domain(EXAMPLE.encode())
    cell, uses = cell_of(domain, caps, CellAsked(Host()))
    told = translate(domain, caps, binary="/usr/bin/qemu-system-x86_64")
    assert (cell.verdict, cell.argv, cell.refusals) == ("yes", told.argv, ())
    assert [(one.line, one.message) for one in cell.notes] == [(one.place.line, one.message) for one in told.notes]
    assert [(bus.name, bus.hotplug, bus.rules) for bus in cell.buses] == [
        (port.controller, port.hotplug, port.rules) for port in told.hotplug
    ]
    assert "PIIX4_PM.acpi-root-pci-hotplug" in uses.facts


def test_one_that_is_refused_has_every_reason_at_its_line() -> None:
    caps, domain = bundled("10.0.13"), read_domain(REFUSED.encode())
    cell, _ = cell_of(domain, caps, CellAsked(Host()))
    with pytest.raises(RefusedError) as caught:
        translate(domain, caps, binary="qemu")
    assert cell.verdict == "no"
    assert [(one.line, one.path, one.message, one.hint) for one in cell.refusals] == [
        (one.place.line, one.place.path, one.message, one.hint) for one in caught.value.refusals
    ]
    assert [one.path for one in cell.refusals] == ["/domain/pm/acpi-root-hotplug/@enabled"]
    assert cell.argv, "what would be written were it not refused"


def test_what_is_not_done_is_refused_by_who_wants_all_of_it() -> None:
    domain = read_domain(EXAMPLE.replace("<vcpu>", "<on_poweroff>preserve</on_poweroff><vcpu>").encode())
    told, _ = cell_of(domain, bundled("7.2.22"), CellAsked(Host()))
    strict, _ = cell_of(domain, bundled("7.2.22"), CellAsked(Host(), strict=True))
    assert (told.verdict, strict.verdict) == ("yes", "no")
    assert told.notes and len(strict.refusals) == len(told.notes)


def test_devices_stand_on_their_buses_and_a_bridge_says_which_bus_it_makes() -> None:
    buses, _, _ = outline_of(read_domain(EXAMPLE.encode()), bundled("7.2.22"), Host())
    root, bridge = buses
    assert (root.name, root.model, bridge.name, bridge.model) == ("pci.0", "pci-root", "pci.1", "pci-bridge")
    assert GuestDevice("02.0", "pci.1", "controller pci-bridge", "pci.1") in root.devices
    assert GuestDevice("03.0", "net0", "interface virtio", "") in root.devices
    assert [device.place for device in root.devices] == sorted(device.place for device in root.devices)
    assert bridge.devices == ()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_whatever_a_domain_is_there_is_a_cell(path: str) -> None:
    try:
        domain = read_domain((CHECKOUT / path).read_bytes())
    except RefusedError:
        pytest.fail("these can be read")
    for version in ("5.2.0", "11.1.2"):
        cell, uses = cell_of(domain, bundled(version), CellAsked(Host()))
        assert cell.verdict in ("yes", "no")
        assert (cell.verdict == "no") == bool(cell.refusals)
        assert uses.facts
        names = [bus.name for bus in cell.buses]
        assert {device.bus for bus in cell.buses for device in bus.devices} - {""} <= set(names)
