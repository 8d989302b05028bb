"""From how a start ended to the verdict."""

from __future__ import annotations

import signal

import pytest

from prober.commandline.refusal import Kind
from prober.proof.bench import Bench
from prober.proof.blame import Cause
from prober.proof.given import given_options
from prober.proof.live import ReadBack
from prober.proof.models import ProofVerdict
from prober.proof.outcome import Outcome, outcome_of_end, outcome_of_standing
from tests.recordings import FIXTURES, load_capabilities

_CAPS = load_capabilities(next(FIXTURES.glob("qemu-7.2*")))


def bench_of(*words: str) -> Bench:
    return Bench(_CAPS, "/stand-in", line=given_options(["qemu", *words]))


def ended(code: int, stderr: str, *words: str, instead_of_kvm: bool = False) -> Outcome:
    bench = bench_of(*words)
    return outcome_of_end(code, stderr, ["qemu"], bench.line, bench, instead_of_kvm=instead_of_kvm)


def test_an_error_is_a_refusal_in_qemus_own_words() -> None:
    found = ended(1, "qemu: warning: odd\nqemu: -m x: bad\nTry -m 5\n", "-m", "x")
    assert (found.verdict, found.said, found.warnings) == (ProofVerdict.refused, "bad\nTry -m 5", ["odd"])
    assert found.option is not None
    assert found.option.flag == "-m"


def test_an_error_without_words_is_a_refusal() -> None:
    assert ended(1, "").verdict is ProofVerdict.refused


def test_a_qemu_that_ends_well_says_nothing_of_the_line() -> None:
    assert ended(0, "").verdict is ProofVerdict.not_provable


def test_a_crash_for_want_of_threads_is_of_the_host() -> None:
    found = ended(-signal.SIGABRT, "qemu: qemu_thread_create: Resource temporarily unavailable\n")
    assert found.verdict is ProofVerdict.not_provable
    assert found.said == "QEMU crashed with SIGABRT: qemu_thread_create: Resource temporarily unavailable"


def test_a_box_that_cannot_be_made_is_of_the_host() -> None:
    found = ended(1, "bwrap: execvp /usr/bin/qemu-system-x86_64: No such file or directory\n")
    assert found.verdict is ProofVerdict.not_provable


def test_a_crash_is_a_refusal() -> None:
    found = ended(-signal.SIGABRT, "qemu: ../x.c:1: f: Assertion `x' failed.\n")
    assert found.verdict is ProofVerdict.refused
    assert found.said.startswith("QEMU crashed with SIGABRT: ")


def test_a_crash_under_tcg_says_nothing_of_kvm() -> None:
    assert ended(-signal.SIGABRT, "qemu: x\n", instead_of_kvm=True).verdict is ProofVerdict.not_provable


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGXCPU])
def test_what_was_ended_from_outside_is_no_refusal(number: signal.Signals) -> None:
    assert ended(-number, "").verdict is ProofVerdict.not_provable


def test_the_host_is_never_taken_for_a_refusal() -> None:
    found = ended(1, "qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory\n")
    assert (found.verdict, found.cause) == (ProofVerdict.not_provable, Cause.host)


def test_what_only_kvm_has_is_not_provable_without_it() -> None:
    text = "qemu: current -smp configuration requires kernel irqchip and X2APIC API support.\n"
    assert ended(1, text, "-smp", "300", instead_of_kvm=True).verdict is ProofVerdict.not_provable
    assert ended(1, text, "-smp", "300").verdict is ProofVerdict.refused


def stood(stderr: str, *words: str, left_out: bool = False) -> Outcome:
    bench = bench_of(*words)
    if left_out:
        bench.leave_out(bench.line[0], "no such device here")
    return outcome_of_standing(stderr, ["qemu"], bench.line, bench, ReadBack(), instead_of_kvm=False)


def test_what_stands_is_proven() -> None:
    assert stood("", "-S").verdict is ProofVerdict.proven


def test_with_something_left_out_it_is_proven_in_part() -> None:
    assert stood("", "-S", left_out=True).verdict is ProofVerdict.in_part


@pytest.mark.parametrize(
    "warning",
    [
        "global PIIX4_PM.acpi-root-pci-hotplug=off not used",
        "global PIIX4_PM.acpi-root-pci-hotplug=off has invalid class name",
    ],
)
def test_a_global_that_is_not_used_is_ignored(warning: str) -> None:
    found = stood(f"qemu: warning: {warning}\n", "-global", "PIIX4_PM.acpi-root-pci-hotplug=off")
    assert [(one.kind, one.flag, one.part) for one in found.findings] == [
        (Kind.ignored, "-global", "acpi-root-pci-hotplug")
    ]
    assert found.verdict is ProofVerdict.in_part


def test_what_is_wrong_with_a_part_is_told_and_not_what_comes_of_it_for_the_whole() -> None:
    value = "unix:/stand-in/0-x,server=on,nosuch=1"
    stderr = (
        f"qemu: -serial {value}: Invalid parameter 'nosuch'\n"
        f"qemu: -serial {value}: could not connect serial device to character backend '{value}'\n"
    )
    found = ended(1, stderr, "-serial", value)
    assert (found.verdict, found.said) == (ProofVerdict.refused, "Invalid parameter 'nosuch'")
    assert ended(1, "qemu: parse error: x\n").said == "parse error: x"
