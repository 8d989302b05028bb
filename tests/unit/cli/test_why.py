"""``prober why``: what it tells of a message, of a log and of nothing, and how it ends."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.cli.conftest import Run

GONE = "qemu-system-x86_64: -no-kvm: invalid option"
VIRGL = "qemu-system-x86_64: -device virtio-vga,virgl=on: Property 'virtio-vga.virgl' not found"


def test_a_message_is_explained(run: Run) -> None:
    ended = run("why", GONE)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split(None, 1) for line in ended.out.splitlines()[1:]]
    assert ended.out.startswith("-no-kvm: invalid option\n")
    assert ["rule", "option-unknown"] in lines
    assert ["option", "-no-kvm"] in lines
    assert ["instead", "write -accel tcg"] in lines
    assert "concerns  -no-kvm: no recorded QEMU has it (absent 5.2.0 to 11.1.2)" in ended.out


def test_the_recorded_qemus_tell_who_is_concerned(run: Run) -> None:
    ended = run("why", "--json", VIRGL)
    (said,) = ended.json["said"]
    assert (said["rule"], said["speaker"], said["line"], said["count"]) == ("property-virgl", "QEMU", 1, 1)
    assert said["option"] == "-device virtio-vga,virgl=on"
    assert said["fact"] == "virtio-vga.virgl"
    assert said["concerns"] == "present 5.2.0, absent 7.2.22 to 11.1.2"
    assert said["said_by"] == ["5.2.0", "7.2.22", "10.0.13", "11.1.2"]


def test_that_no_qemu_has_libvirts_name_of_something_says_nothing(run: Run) -> None:
    ended = run("why", "--json", "unsupported configuration: virtio-mouse is not supported by this QEMU binary")
    (said,) = ended.json["said"]
    assert (said["option"], said["concerns"], said["said_by"]) == ("-device virtio-mouse-pci", None, None)


def test_a_log_is_read_from_stdin_and_from_a_file(run: Run, tmp_path: Path) -> None:
    log = "2024-05-01 starting up\n" + f"{GONE}\n" * 3 + "qemu-kvm: the moon is full\n"
    (tmp_path / "guest.log").write_text(log)
    for ended in (
        run("why", stdin=log.encode()),
        run("why", "-", stdin=log.encode()),
        run("why", tmp_path / "guest.log"),
    ):
        assert ended.code == 0
        assert "times     3, first in line 2" in ended.out
        assert ended.out.endswith("not known:\n  5: qemu-kvm: the moon is full\n")


def test_of_a_long_log_the_end_is_read(run: Run) -> None:
    ended = run("why", stdin=f"{GONE}\n".encode() + b"x" * (9 << 20) + f"\n{VIRGL}\n".encode())
    assert ended.code == 0
    assert "property-virgl" in ended.out
    assert "option-unknown" not in ended.out


def test_what_is_not_known_is_said_to_be_unknown(run: Run) -> None:
    ended = run("why", "the", "moon", "is", "full")
    assert (ended.code, ended.out, ended.err) == (4, "not known:\n  1: the moon is full\n", "")
    ended = run("why", "--json", "qemu-kvm: the moon is full")
    assert ended.code == 4
    assert ended.json == {"said": [], "unknown": [{"line": 1, "text": "qemu-kvm: the moon is full"}], "left_off": 0}


def test_nothing_said_is_a_mistake(run: Run) -> None:
    for ended in (run("why", stdin=b" \n"), run("why", "")):
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("prober: nothing was said\nhint: ")


def test_a_log_that_cannot_be_read_is_a_mistake(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    ended = run("why", tmp_path / "fifo")  # no file of text: it is taken for what was said
    assert ended.code == 4
    ended = run("why", "-", stdin=b"\xff\xfe\0" + GONE.encode())
    assert ended.code == 0
