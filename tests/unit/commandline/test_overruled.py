"""What a later option overrules is not held against anybody; what QEMU reads all the same is.

Each line was run on QEMU 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

import shlex

import pytest

from prober.commandline.report import check_argv
from tests.unit.commandline.rules.test_lines import CAPS

EVERY = ("5.2.0", "7.2.22", "10.0.13", "11.1.2")
LATER = EVERY[1:]

#: A line, and the versions that take it; all others refuse it.
LINES = {
    "-display none -cpu nosuch -cpu qemu64": EVERY,
    "-display none -cpu qemu64 -cpu nosuch": (),
    "-display none -cpu qemu64,phys-bits=60,phys-bits=40": EVERY,
    "-display none -M nosuch -M pc": EVERY,
    "-display none -M pc -M nosuch": (),
    "-display none -machine rtc=on -M microvm": EVERY,
    "-display none -M pc -machine rtc=on": (),
    "-display none -machine pc,usb=5 -machine usb=on": LATER,
    "-display none -machine accel=foo -machine accel=tcg": EVERY,
    "-display none -accel foo -accel tcg": EVERY,
    "-display none -accel foo": (),
    "-display none -accel : -accel tcg": EVERY,
    "-display none -accel a..b -accel tcg": EVERY,
    "-display none -accel : -accel a..b": (),
    "-display none -accel '' -accel tcg": (),
    "-display none -accel a..b": (),
    "-display none -M pc,accel=a..b:tcg": EVERY,
    f"-display none -accel {'x' * 300} -accel tcg": EVERY,
    "-display none -smp foo -smp 1": LATER,
    "-display none -smp 1 -smp foo": (),
    "-display none -rtc base=foo -rtc base=utc": EVERY,
    "-display none -incoming foo -incoming defer": EVERY[:2],
    "-display none -sandbox off,spawn=x": EVERY,
    "-display none -sandbox off,nosuch=x": (),
    "-display none -m 128,maxmem=0x40000000,slots=4": EVERY,
    "-display none -gdb tcp::0": EVERY,
    "-display none -device rocker,name=sw,len-ports=1,ports[0]=a -netdev user,id=a": ("5.2.0",),
}


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("line", LINES)
def test_what_does_not_count_is_not_refused(line: str, version: str) -> None:
    caps = next(caps for caps in CAPS.values() if str(caps.version) == version)

    report = check_argv(["qemu-system-x86_64", *shlex.split(line)], caps)

    errors = [one.message for one in report.findings if one.kind == "error"]
    assert bool(errors) == (version not in LINES[line]), errors


@pytest.mark.parametrize(("program", "is_refused"), [("qemu-system-x86_64", True), ("/usr/bin/qemu-kvm", False)])
def test_a_binary_that_is_named_after_kvm_tries_it_first(program: str, is_refused: bool) -> None:
    report = check_argv([program, "-cpu", "host"], next(iter(CAPS.values())))

    assert (not report.clean) == is_refused
