"""What the translator refuses as useless is useless: the real QEMU fails at it, or ignores it.

Each refused option is given to QEMU all the same.  QEMU either ends with an error, warns that the option was
``not used``, or, for ICH9-LPC on a machine without it, says nothing and has no such device.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from prober.commandline.refusal import Refusal
from prober.errors import RefusedError
from tests.conftest import BINARY_IN_ROOT, QemuPlace, aio
from tests.integration.domains import SPELLINGS, Option, write_domain, write_option
from tests.integration.real_qemu import Ended, capabilities_of, start_qemu, translate_for, try_qemu

BRIDGE = "acpi-pci-hotplug-with-bridge-support"
ROOT = "acpi-root-pci-hotplug"

#: What QEMU does with the option.
Outcome = Literal["fails", "warns", "is silent"]


@dataclass(frozen=True)
class Case:
    """A domain that is refused, and the option that QEMU is given instead."""

    machine: str
    option: Option
    qemu_option: str
    outcome: Outcome
    acpi: bool = True

    def __str__(self) -> str:
        return f"{self.machine}{'' if self.acpi else ' without acpi'}: {self.qemu_option}"

    @property
    def machine_argument(self) -> str:
        """For ``-machine``."""
        return self.machine if self.acpi else f"{self.machine},acpi=off"


_OPTIONS: tuple[tuple[Option, str], ...] = (("bridge", BRIDGE), ("root", ROOT))

CASES = [
    Case("pc", "bridge", f"PIIX4_PM.{BRIDGE}", "warns", acpi=False),
    Case("pc", "root", f"PIIX4_PM.{ROOT}", "warns", acpi=False),
    Case("q35", "root", f"PIIX4_PM.{ROOT}", "warns"),
    Case("q35", "root", f"ICH9-LPC.{ROOT}", "fails"),
    *(
        Case(machine, option, f"PIIX4_PM.{name}", "warns")
        for machine in ("isapc", "microvm", "none")
        for option, name in _OPTIONS
    ),
    *(Case(machine, "bridge", f"ICH9-LPC.{BRIDGE}", "is silent") for machine in ("isapc", "microvm", "none")),
]


def _refusals(place: QemuPlace, case: Case, spelling: str, on: bool) -> tuple[Refusal, ...]:
    xml = write_domain(case.machine, acpi=case.acpi, **write_option(case.option, spelling, on))
    with pytest.raises(RefusedError) as caught:
        translate_for(place, xml)
    return tuple(caught.value.refusals)


def _give(place: QemuPlace, machine: str, qemu_option: str, on: bool) -> Ended:
    setting = f"{qemu_option}={'on' if on else 'off'}"
    argv = (place.binary, "-nodefaults", "-display", "none", "-machine", machine, "-global", setting)
    return aio(try_qemu(place, argv), debug=False)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_option_that_is_refused_for_the_machine_does_nothing(any_qemu: QemuPlace, case: Case) -> None:
    for on in (True, False):
        for spelling in SPELLINGS[case.option]:
            refusals = _refusals(any_qemu, case, spelling, on)
            names = {refusal.qemu_name for refusal in refusals}
            assert any(name and name.endswith(case.qemu_option.split(".")[1]) for name in names), refusals
        ended = _give(any_qemu, case.machine_argument, case.qemu_option, on)
        known = capabilities_of(any_qemu).has(case.qemu_option)
        match case.outcome:
            case "fails":
                assert ended.status == 1
                assert f"can't apply global {case.qemu_option}" in ended.stderr
            case "warns":
                assert ended.status == 0
                assert known, "QEMU would warn alike of a property that no version has"
                assert f"global {case.qemu_option}={'on' if on else 'off'} not used" in ended.stderr
            case "is silent":
                assert ended.status == 0
                assert case.qemu_option not in ended.stderr
                assert aio(_has_device(any_qemu, case.machine_argument, case.qemu_option.split(".")[0])) is False


async def _has_device(place: QemuPlace, machine: str, kind: str) -> bool:
    argv = (place.binary, "-nodefaults", "-display", "none", "-machine", machine)
    async with start_qemu(place, argv) as qemu:
        return bool(await qemu.find(kind))


@pytest.mark.roots
@pytest.mark.parametrize("spelling", SPELLINGS["bridge"])
def test_a_binary_without_the_property_fails_at_it(qemu_roots: dict[str, Path], spelling: str) -> None:
    place = QemuPlace("5.2", BINARY_IN_ROOT, qemu_roots["5.2"])
    fact = f"ICH9-LPC.{BRIDGE}"
    for on in (True, False):
        case = Case("q35", "bridge", fact, "fails")
        refusals = [refusal for refusal in _refusals(place, case, spelling, on) if refusal.qemu_name == fact]
        assert len(refusals) == 1
        assert "5.2" in refusals[0].message and "6.1" in f"{refusals[0].message} {refusals[0].hint}"
        assert refusals[0].evidence is not None
        ended = _give(place, "q35", fact, on)
        assert ended.status == 1
        assert f"can't apply global {fact}" in ended.stderr


@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_what_is_accepted_is_neither_refused_nor_ignored(any_qemu: QemuPlace, kind: str) -> None:
    """The other side: on its own machine each property that the binary has is taken without a word."""
    device = {"pc": "PIIX4_PM", "q35": "ICH9-LPC"}[kind]
    for name in (BRIDGE, ROOT):
        fact = f"{device}.{name}"
        for on in (True, False):
            ended = _give(any_qemu, kind, fact, on)
            if capabilities_of(any_qemu).has(fact):
                assert (ended.status, fact in ended.stderr) == (0, False), ended
            else:
                assert ended.status == 1 and f"can't apply global {fact}" in ended.stderr, ended
