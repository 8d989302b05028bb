"""Which accelerator a line asks for, and the same line under TCG."""

from __future__ import annotations

import pytest

from prober.proof.accelerator import asked_accelerators, use_tcg
from prober.proof.bench import Bench
from prober.proof.given import given_options
from tests.recordings import FIXTURES, load_capabilities

_CAPS = load_capabilities(next(FIXTURES.glob("qemu-7.2*")))


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["-S"], []),
        (["-enable-kvm"], ["kvm"]),
        (["-accel", "kvm", "-accel", "tcg,thread=multi"], ["kvm", "tcg"]),
        (["-machine", "q35,accel=kvm:tcg"], ["kvm", "tcg"]),
        (["-M", "accel=tcg"], ["tcg"]),
    ],
)
def test_the_accelerators_are_found_in_qemus_order(words: list[str], asked: list[str]) -> None:
    assert asked_accelerators(given_options(["qemu", *words])) == asked


def under_tcg(*words: str) -> tuple[list[str], list[str], list[str]]:
    bench = Bench(_CAPS, "/stand-in", line=given_options(["qemu", *words]))
    use_tcg(bench)
    started = [word for one in bench.line for word in one.words()]
    return started, [one.part for one in bench.replaced], [one.part or one.flag for one in bench.left_out]


def test_nothing_but_the_accelerator_changes() -> None:
    assert under_tcg("-machine", "q35,accel=kvm,usb=off", "-cpu", "qemu64,+ssse3") == (
        ["-machine", "q35,accel=tcg,usb=off", "-cpu", "qemu64,+ssse3"],
        ["accel"],
        [],
    )


def test_the_hosts_cpu_is_tcgs_own() -> None:
    started, replaced, left_out = under_tcg("-enable-kvm", "-cpu", "host,migratable=on,host-phys-bits=on,enforce")
    assert started == ["-machine", "accel=tcg", "-cpu", "max,migratable=on"]
    assert replaced == ["", "model"]
    assert left_out == ["host-phys-bits", "enforce"]


def test_kvm_may_be_asked_for_twice() -> None:
    started, _, left_out = under_tcg("-enable-kvm", "-machine", "q35,accel=kvm")
    # Not ``-accel``, which QEMU does not take beside ``accel=`` of the machine.
    assert started == ["-machine", "accel=tcg", "-machine", "q35,accel=tcg"]
    assert left_out == []


def test_what_is_kvms_alone_is_left_out_and_said() -> None:
    started, _, left_out = under_tcg("-accel", "kvm,kernel-irqchip=split", "-global", "kvm-pit.lost_tick_policy=delay")
    assert started == ["-accel", "tcg"]
    assert left_out == ["kernel-irqchip", "-global"]


def test_what_is_usual_is_no_loss() -> None:
    started, replaced, left_out = under_tcg("-machine", "pc,accel=kvm,kernel_irqchip=on")
    assert (started, left_out) == (["-machine", "pc,accel=tcg"], [])
    assert set(replaced) == {"kernel_irqchip", "accel"}
