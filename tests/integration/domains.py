"""Domains for the tests with real QEMUs: small, and each with just what its test is about."""

from __future__ import annotations

from typing import Literal, TypedDict

#: One hot-plug option, and its spellings in libvirt's history; ``yes`` and ``on`` are the same value.
Option = Literal["bridge", "root"]
SPELLINGS: dict[Option, tuple[str, ...]] = {
    "bridge": ("pm", "domain", "features"),
    "root": ("pm", "domain", "controller"),
}

#: None of the devices that libvirt adds by itself, so that every slot of a bridge or port is free.
BARE = """
    <controller type='usb' index='0' model='none'/>
    <memballoon model='none'/>"""

#: On pc: two bridges, the second behind the first.
PC_BRIDGES = f"""{BARE}
    <controller type='pci' index='1' model='pci-bridge'/>
    <controller type='pci' index='2' model='pci-bridge'>
      <address type='pci' domain='0x0000' bus='0x01' slot='0x02' function='0x0'/>
    </controller>"""

#: On q35: a port, a port without hot-plug, and both ways to conventional PCI.
Q35_BRIDGES = f"""{BARE}
    <controller type='pci' index='1' model='pcie-root-port'/>
    <controller type='pci' index='2' model='pcie-root-port'><target hotplug='off'/></controller>
    <controller type='pci' index='3' model='pcie-root-port'/>
    <controller type='pci' index='4' model='pcie-to-pci-bridge'>
      <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
    </controller>
    <controller type='pci' index='5' model='pci-bridge'>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x02' function='0x0'/>
    </controller>
    <controller type='pci' index='6' model='dmi-to-pci-bridge'/>
    <controller type='pci' index='7' model='pci-bridge'>
      <address type='pci' domain='0x0000' bus='0x06' slot='0x02' function='0x0'/>
    </controller>"""


class Written(TypedDict, total=False):
    """Pieces of XML, as arguments of :func:`write_domain`."""

    features: str
    pm: str
    acpi_hotplug: str
    devices: str


def write_option(option: Option, spelling: str, on: bool) -> Written:
    """One spelling of an option with one value."""
    element = {"bridge": "acpi-hotplug-bridge", "root": "acpi-root-hotplug"}[option]
    inner = f"<{element} enabled='{'yes' if on else 'no'}'/>"
    state = "on" if on else "off"
    match spelling:
        case "pm":
            return {"pm": inner}
        case "domain":
            return {"acpi_hotplug": inner}
        case "features":
            return {"features": f"<pci><acpi-bridge-hotplug state='{state}'/></pci>"}
        case "controller":
            target = f"<target hotplug='{state}'/>"
            return {"devices": f"<controller type='pci' index='0' model='pci-root'>{target}</controller>"}
    raise AssertionError(spelling)


def write_domain(
    machine: str,
    *,
    acpi: bool = True,
    memory: int = 64,
    os: str = "",
    features: str = "",
    pm: str = "",
    acpi_hotplug: str = "",
    devices: str = "",
) -> str:
    """The XML of a TCG domain with so much memory (MiB); each text goes where its name says."""
    return f"""<domain type='qemu'>
  <name>real, but small</name>
  <uuid>b1d6e4a0-5f0c-4a53-8a35-2b6f0f7a6f11</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type>{os}</os>
  <features>{"<acpi/>" if acpi else ""}{features}</features>
  {f"<pm>{pm}</pm>" if pm else ""}
  {f"<acpi-hotplug>{acpi_hotplug}</acpi-hotplug>" if acpi_hotplug else ""}
  <devices>{devices}
  </devices>
</domain>
"""
