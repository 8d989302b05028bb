"""Displays, audio drivers and character devices that the schema has, and the binary may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.commandline.check import check
from prober.commandline.parse import parse_command_line
from prober.commandline.refusal import Finding
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities, without_lists

CAPS = {
    version: load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    for version in ("5.2.0", "7.2.22", "10.0.13", "11.1.2")
}
CASES = Path(__file__).parent.parent.parent / "cases"
GUI = "do you want to install qemu-system-gui package?"


def found(line: str, caps: Capabilities) -> list[Finding]:
    options = parse_command_line(["qemu", "-nodefaults", *line.split()]).options
    return [finding for finding in check(options, caps) if finding.rule == "option/module"]


@pytest.mark.parametrize(
    ("version", "line", "message", "hint"),
    [
        ("7.2.22", "-display gtk", "QEMU 7.2.22 has no -display gtk", f"QEMU says: module ui-ui-gtk not found, {GUI}"),
        ("7.2.22", "-audiodev pa,id=a", "QEMU 7.2.22 has no -audiodev pa",
         f"QEMU says: module audio-audio-pa not found, {GUI}"),
        ("10.0.13", "-display sdl,gl=on", "QEMU 10.0.13 has no -display sdl", "it has none, curses"),
        ("10.0.13", "-audiodev spice,id=a", "QEMU 10.0.13 has no -audiodev spice", "it has none, alsa, oss, wav"),
        ("11.1.2", "-chardev spicevmc,id=c,name=vdagent", "QEMU 11.1.2 has no -chardev spicevmc", ""),
        ("5.2.0", "-sdl", "QEMU 5.2.0 has no -display sdl", "it has none, egl-headless, curses, spice-app"),
        ("5.2.0", "-display sdl", "QEMU 5.2.0 has no -display sdl", "it has none, egl-headless, curses, spice-app"),
    ],
)  # fmt: skip
def test_what_is_not_installed_is_refused(version: str, line: str, message: str, hint: str) -> None:
    (finding,) = found(line, CAPS[version])
    assert (str(finding.kind), finding.message, finding.hint) == ("error", message, hint)
    assert finding.qemu_name == message.rpartition(" no ")[2]
    assert finding.evidence is not None
    assert finding.evidence.command == "x-prober-help"


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("7.2.22", "-display dbus"),
        ("5.2.0", "-curses"),
        ("7.2.22", "-audiodev alsa,id=a"),
        ("7.2.22", "-chardev spicevmc,id=c,name=vdagent"),
        ("7.2.22", "-chardev tty,id=c,path=/dev/ttyS0"),
        ("10.0.13", "-display none"),
        ("10.0.13", "-audiodev none,id=a"),
        ("10.0.13", "-chardev memory,id=c"),
        ("5.2.0", "-chardev parport,id=c,path=/dev/parport0"),
    ],
)
def test_what_is_there_is_taken(version: str, line: str) -> None:
    assert not found(line, CAPS[version])


def test_a_driver_that_is_listed_needs_no_schema() -> None:
    """QEMU 7.2 lists its drivers, and has no command that explains them."""
    lines = ("alsa,id=a", "alsa,id=a,out.voices=1", "alsa,id=a,out.voices=x", "alsa,id=a,path=x", "pa,id=a")
    for line, kinds in zip(lines, ([], [], ["error"], ["error"], ["error"]), strict=True):
        options = parse_command_line(["qemu", "-audiodev", line]).options
        assert [str(one.kind) for one in check(options, CAPS["7.2.22"])] == kinds


@pytest.mark.parametrize("line", ["-display gtk", "-audiodev pa,id=a", "-chardev dbus,id=c,name=n"])
def test_what_was_not_asked_is_unknown_and_no_more(line: str) -> None:
    (finding,) = found(line, without_lists(CAPS["10.0.13"]))
    assert str(finding.kind) == "unknown"
    assert "never asked" in finding.message
    options = parse_command_line(["qemu", *line.split()]).options
    assert not check(options, without_lists(CAPS["10.0.13"]), assume_unknown_present=True)


@pytest.mark.parametrize("case", ["graphics-sdl", "graphics-dbus", "audio-every", "audio-newer", "channel-dbus"])
def test_a_domain_is_not_refused_for_what_was_not_asked(case: str) -> None:
    """What recordings of libvirt proved before they prove as well as ever, and no more."""
    xml = (CASES / f"{case}.xml").read_bytes()
    with pytest.raises(RefusedError) as caught:
        translate(read_domain(xml), CAPS["10.0.13"], binary="qemu")
    assert all(refusal.rule == "option/module" for refusal in caught.value.refusals)
    assert translate(read_domain(xml), without_lists(CAPS["10.0.13"]), binary="qemu").argv
