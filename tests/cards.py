"""Domains with network cards in every kind of place, and what a real guest calls them.

The names were told by udev 252 (``udevadm test-builtin net_id``) on Debian's Linux 6.1, booted with SeaBIOS under TCG
on QEMU 5.2, 7.2, 10.0 and 11.1: ``tests/integration/test_card_names.py`` boots it again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CardCase:
    """A machine, and what is asked of its hot-plug."""

    kind: str
    bridge: bool | None = None
    root: bool | None = None
    acpi: bool = True

    def __str__(self) -> str:
        asked = {"bridge": self.bridge, "root": self.root, "acpi": self.acpi}
        return " ".join([self.kind, *(f"{name}={value}" for name, value in asked.items() if value is not None)])


def _card(number: int, bus: int, slot: int, function: int = 0, *, several: bool = False, index: int = 0) -> str:
    more = " multifunction='on'" if several else ""
    acpi = f"<acpi index='{index}'/>" if index else ""
    place = f"<address type='pci' domain='0' bus='{bus}' slot='{slot}' function='{function}'{more}/>"
    mac = f"<mac address='52:54:00:00:00:{number:02x}'/>"
    return f"<interface type='user'>{mac}<model type='virtio'/>{acpi}{place}</interface>"


def _bridge(index: int, model: str, bus: int, slot: int, function: int = 0, more: str = "", several: str = "") -> str:
    place = f"<address type='pci' domain='0' bus='{bus}' slot='{slot}' function='{function}'{several}/>"
    return f"<controller type='pci' index='{index}' model='{model}'>{more}{place}</controller>"


_BARE = "<controller type='usb' index='0' model='none'/><memballoon model='none'/>"

#: Cards 1 to 4 are on the root bus, 12 and 13 behind an expander; both bridges are on the root bus.
_ON_PC = (
    _bridge(1, "pci-bridge", 0, 6),
    _bridge(2, "pci-bridge", 0, 7),
    _bridge(3, "pci-expander-bus", 0, 9, more="<target busNr='254'/>"),
    _card(1, 0, 3),
    _card(2, 0, 4, several=True),
    _card(3, 0, 4, 1),
    _card(4, 0, 5, index=7),
    _card(5, 1, 1),
    _card(6, 1, 3),
    _card(7, 1, 5, index=9),
    _card(8, 2, 1),
    _card(9, 2, 9),
    _card(10, 1, 10, several=True),
    _card(11, 1, 10, 1),
    _card(12, 3, 1),
    _card(13, 3, 30),
)

#: Cards 1 to 4 are on the root bus, 5 to 7, 11 and 12 in root ports, 13 in one without hot-plug, 8 to 10 and 14 behind
#: bridges.
_ON_Q35 = (
    _bridge(1, "pcie-root-port", 0, 5, several=" multifunction='on'"),
    _bridge(2, "pcie-root-port", 0, 5, 1),
    _bridge(3, "pcie-root-port", 0, 6),
    _bridge(4, "pcie-root-port", 0, 7),
    _bridge(5, "pcie-to-pci-bridge", 4, 0),
    _bridge(6, "dmi-to-pci-bridge", 0, 8),
    _bridge(7, "pci-bridge", 6, 0),
    _bridge(8, "pcie-root-port", 0, 9),
    _bridge(9, "pcie-root-port", 0, 10, more="<target hotplug='off'/>"),
    _card(1, 0, 2),
    _card(2, 0, 3, several=True),
    _card(3, 0, 3, 1),
    _card(4, 0, 4, index=7),
    _card(5, 1, 0),
    _card(6, 2, 0, index=9),
    _card(7, 3, 0),
    _card(8, 5, 1),
    _card(9, 5, 3),
    _card(10, 7, 2),
    _card(11, 8, 0, several=True),
    _card(12, 8, 0, 1),
    _card(13, 9, 0),
    _card(14, 7, 5),
)


#: Cards 1 to 4 are on the root bus, 5 to 8 in root ports, 14 in one without hot-plug, 9 to 12 behind bridges, and 13
#: in a port of an expander.
_ON_VIRT = (
    _bridge(1, "pcie-root-port", 0, 5, several=" multifunction='on'"),
    _bridge(2, "pcie-root-port", 0, 5, 1),
    _bridge(3, "pcie-root-port", 0, 6),
    _bridge(4, "pcie-root-port", 0, 7),
    _bridge(5, "pcie-to-pci-bridge", 4, 0),
    _bridge(6, "pci-bridge", 5, 6),
    _bridge(7, "pcie-expander-bus", 0, 8, more="<target busNr='100'/>"),
    _bridge(8, "pcie-root-port", 7, 0),
    _bridge(9, "pcie-root-port", 0, 10, more="<target hotplug='off'/>"),
    _card(1, 0, 2),
    _card(2, 0, 3, several=True),
    _card(3, 0, 3, 1),
    _card(4, 0, 4, index=7),
    _card(5, 1, 0),
    _card(6, 2, 0, index=9),
    _card(7, 3, 0, several=True),
    _card(8, 3, 0, 1),
    _card(9, 5, 1),
    _card(10, 5, 3),
    _card(11, 6, 3),
    _card(12, 6, 4),
    _card(13, 8, 0),
    _card(14, 9, 0),
)

#: With ACPI there is firmware on ARM.
_FLASH = "<loader readonly='yes' type='pflash'>/AAVMF_CODE.fd</loader><nvram>/AAVMF_VARS.fd</nvram>"


def write_arm_cards(*, acpi: bool) -> str:
    """A domain of the machine ``virt`` with cards in each kind of place."""
    features, flash = ("<features><acpi/></features>", _FLASH) if acpi else ("", "")
    return f"""<domain type='qemu'><name>named</name><memory unit='MiB'>512</memory><vcpu>1</vcpu>
    <os><type arch='aarch64' machine='virt'>hvm</type>{flash}</os>{features}
    <devices>{_BARE}{"".join(_ON_VIRT)}</devices></domain>"""


#: What Debian's Linux 6.1.176 and udev 252 for arm64 said on QEMU 7.2.22, under TCG, once with a device tree and once
#: behind edk2 2022.11 with its ACPI tables (docs/machines.md tells how it was booted).
SEEN_ON_ARM = {
    False: (
        "enp0s2", "enp0s3f0", "enp0s3f1", "enp0s4", "enp1s0", "enp2s0", "enp3s0f0", "enp3s0f1", "enp5s1 ens1",
        "enp5s3 ens3", "enp6s3", "enp6s4", "", "enp7s0",
    ),
    True: (
        "enp0s2", "enp0s3f0", "enp0s3f1", "enp0s4", "enp1s0", "enp2s0", "enp3s0f0", "enp3s0f1", "enp5s1 ens1",
        "enp5s3 ens3", "enp6s3", "enp6s4", "enp101s0", "enp7s0",
    ),
}  # fmt: skip


def write_cards(case: CardCase, more: str = "", boot: str = "", *, index: bool = True) -> str:
    """The domain of a case, with ``more`` devices, and ``boot`` of ``<os>``; without ``index`` it has no acpi-index."""
    switches = [("acpi-hotplug-bridge", case.bridge), ("acpi-root-hotplug", case.root)]
    hotplug = "".join(
        f"<{name} enabled='{'yes' if value else 'no'}'/>" for name, value in switches if value is not None
    )
    cards = "".join(_ON_PC if case.kind == "pc" else _ON_Q35)
    if not index:
        cards = cards.replace("<acpi index='7'/>", "").replace("<acpi index='9'/>", "")
    features = "<features><acpi/></features>" if case.acpi else ""
    return f"""<domain type='qemu'><name>named</name><memory unit='MiB'>384</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='{case.kind}'>hvm</type>{boot}</os>{features}<pm>{hotplug}</pm>
    <devices>{_BARE}{more}{cards}</devices></domain>"""


#: By the case and whether the QEMU is 8.0 or later: of each card the names by path, slot and firmware, as there are;
#: none of one that the guest does not find.
SEEN: dict[tuple[CardCase, bool], tuple[str, ...]] = {}


def _saw(case: CardCase, text: str, *, later: bool | None = None) -> None:
    for since in (False, True) if later is None else (later,):
        SEEN[case, since] = tuple(one.strip() for one in text.split(","))


_saw(
    CardCase("pc"),
    "enp0s3 ens3, enp0s4f0 ens4f0, enp0s4f1 ens4f1, enp0s5 ens5 eno7, enp1s1 ens1, enp1s3, enp1s5 eno9, enp2s1, enp2s9,"
    "enp1s10f0, enp1s10f1, enp255s1, enp255s30",
)
_saw(
    CardCase("pc", bridge=False),
    "enp0s3 ens3, enp0s4f0 ens4f0, enp0s4f1 ens4f1, enp0s5 ens5 eno7, enp1s1, enp1s3, enp1s5, enp2s1, enp2s9,"
    "enp1s10f0, enp1s10f1, enp255s1, enp255s30",
)
_saw(
    CardCase("q35"),
    "enp0s2, enp0s3f0, enp0s3f1, enp0s4, enp1s0, enp2s0 eno9, enp3s0, enp5s1 ens1, enp5s3 ens3, enp7s2, enp8s0f0,"
    "enp8s0f1, enp9s0, enp7s5",
    later=False,
)
_saw(
    CardCase("q35"),
    "enp0s2, enp0s3f0, enp0s3f1, enp0s4 eno7, enp1s0, enp2s0 eno9, enp3s0, enp5s1 ens1, enp5s3 ens3, enp7s2, enp8s0f0,"
    "enp8s0f1, enp9s0, enp7s5",
    later=True,
)
_saw(
    CardCase("q35", bridge=False),
    "enp0s2, enp0s3f0, enp0s3f1, enp0s4, enp1s0, enp2s0, enp3s0, enp5s1 ens1, enp5s3 ens3, enp7s2, enp8s0f0,"
    "enp8s0f1, enp9s0, enp7s5",
    later=False,
)
_saw(
    CardCase("q35", bridge=False),
    "enp0s2, enp0s3f0, enp0s3f1, enp0s4 eno7, enp1s0, enp2s0, enp3s0, enp5s1 ens1, enp5s3 ens3, enp7s2, enp8s0f0,"
    "enp8s0f1, enp9s0, enp7s5",
    later=True,
)
_saw(
    CardCase("pc", root=False),
    "enp0s3, enp0s4f0, enp0s4f1, enp0s5, enp1s1 ens1, enp1s3 ens3, enp1s5 ens5 eno9, enp2s1, enp2s9,"
    "enp1s10f0 ens10f0, enp1s10f1 ens10f1, enp255s1, enp255s30",
    later=False,
)
_saw(
    CardCase("pc", bridge=False, root=False),
    "enp0s3, enp0s4f0, enp0s4f1, enp0s5, enp1s1, enp1s3, enp1s5, enp2s1, enp2s9, enp1s10f0, enp1s10f1, enp255s1,"
    "enp255s30",
    later=False,
)
_saw(
    CardCase("pc", root=False),
    "enp0s3, enp0s4f0, enp0s4f1, enp0s5 eno7, enp1s1 ens1, enp1s3 ens3, enp1s5 ens5 eno9, enp2s1, enp2s9,"
    "enp1s10f0 ens10f0, enp1s10f1 ens10f1, enp255s1, enp255s30",
    later=True,
)
_saw(
    CardCase("pc", acpi=False),
    "enp0s3, enp0s4f0, enp0s4f1, enp0s5, enp1s1 ens1, enp1s3 ens3, enp1s5 ens5, enp2s1, enp2s9, enp1s10f0 ens10f0,"
    "enp1s10f1 ens10f1, , ",
)
