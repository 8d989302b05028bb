"""Which family a machine is of, and that what families say of themselves is of one piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.commandline.line import Line
from prober.commandline.machines.family import MachineFamily
from prober.commandline.machines.find import FAMILIES, machine_family
from prober.commandline.parse import parse_command_line, split_shell
from tests.recordings import FIXTURES, load_capabilities

RECORDINGS = sorted(FIXTURES.glob("*.replies.xz"))


@pytest.mark.parametrize(
    ("name", "target", "kind"),
    [
        ("pc-i440fx-7.2", "x86_64", "pc"),
        ("pc-1.3", "i386", "pc"),
        ("pc-q35-7.2", "x86_64", "q35"),
        ("q35", "x86_64", "q35"),
        ("isapc", "x86_64", "isapc"),
        ("microvm", "x86_64", "microvm"),
        ("none", "x86_64", "none"),
        ("none", "sparc", "none"),
        ("pc", "sparc", "other"),
        ("pc-i440fx-7.2\n", "x86_64", "other"),
        ("xenfv", "x86_64", "other"),
    ],
)
def test_a_machine_is_of_the_family_of_its_name_and_target(name: str, target: str, kind: str) -> None:
    assert machine_family(name, target).kind == kind


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.kind}-{min(family.targets, default='any')}")
def test_what_a_family_says_is_of_one_piece(family: MachineFamily) -> None:
    assert family.has_pci is (family.root is not None)
    assert not (family.has_pci and family.pci_switch)
    assert not (family.has_pci and "PCI" in family.without_buses)
    assert not family.own_buses & family.without_buses
    if family.root is not None:
        assert family.root.is_express is (family.root.name == "pcie.0")
        assert all(bus == 0 for bus, _, _ in family.root.reserved)
        assert not family.chipset.ide or not family.chipset.sata


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_what_a_family_has_each_binary_knows(path: Path) -> None:
    caps: Capabilities = load_capabilities(path)
    for machine in (caps.accelerator.machines or {}).values():
        family = machine_family(machine.name, caps.target)
        if family.root is not None and family.root.host:
            assert caps.has(family.root.host), machine.name


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("-M pc", True),
        ("-M q35", True),
        ("-M isapc", False),
        ("-M none", False),
        ("-M microvm", False),
        ("-M microvm,pcie=off", False),
        ("-M microvm,pcie=on", True),
        ("-M microvm -readconfig file", None),
        ("-M xenfv", None),
    ],
)
def test_whether_there_is_pci_is_told_in_one_place(line: str, has: bool | None) -> None:
    caps = load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")
    assert Line.of(parse_command_line(["qemu", *split_shell(line)]).options, caps).has_pci is has
