"""What may stand at the end of a line, from what stands before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.cli.commands import COMMANDS, FLEET
from prober.cli.completion.candidates import find_candidates, find_recording, lines_of
from prober.cli.completion.line import split_line
from prober.qemu.bundled import bundled_names
from tests.recordings import ROOT

OLD = ROOT / "fixtures" / "replies" / "qemu-5.2.0.replies.xz"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no service's socket is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("prober.cli.choosing.DEFAULT_SOCKETS", ())


def _words(line: str) -> list[str]:
    return list(find_candidates(split_line(line)).words)


def _takes_files(line: str) -> bool:
    return find_candidates(split_line(line)).files


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("prober", ["prober"]),
        ("prober ", ["prober", ""]),
        ("prober  show  x", ["prober", "show", "x"]),
        ("prober 'a b", ["prober", "a b"]),
        ('prober "a \\" b" c', ["prober", 'a " b', "c"]),
        ("prober a\\ b ''", ["prober", "a b", ""]),
        ("", [""]),
        ("prober \\", ["prober", ""]),
    ],
)
def test_a_line_is_read_as_a_shell_reads_it(line: str, words: list[str]) -> None:
    assert split_line(line) == words


def test_commands_and_those_of_a_fleet() -> None:
    assert _words("prober ") == [row.name for row in COMMANDS]
    assert _words("prober su") == ["supports"]
    assert _words("prober fleet ") == [row.name for row in FLEET]
    assert _words("prober --v") == ["--version"]
    assert _words("prober nope ") == []


def test_options_of_a_command_that_are_not_there_yet() -> None:
    assert _words("prober supports --") == ["--socket", "--binary", "--replies", "--quiet", "--json", "--help"]
    assert _words("prober supports --json --replies x --") == ["--socket", "--binary", "--quiet", "--help"]
    assert "--recordings" in _words("prober explain --recordings a --rec"), "this one may be repeated"
    assert _words("prober supports -- --") == []


def test_facts_come_from_the_recording_that_is_named() -> None:
    assert _words(f"prober supports --replies {OLD} PIIX4") == ["PIIX4_PM"]
    assert "PIIX4_PM.acpi-root-pci-hotplug" in _words(f"prober supports --replies={OLD} PIIX4_PM.acpi-")
    assert _words(f"prober supports --replies {OLD} pc-i440fx-7.2") == []
    assert _words("prober supports --replies qemu-7.2 pc-i440fx-7.2") == ["pc-i440fx-7.2"]
    assert _words("prober explain --replies qemu-7.2 blockdev-a") == ["blockdev-add"]
    assert _words("prober explain --replies qemu-7.2 -- -overcommit.m") == ["-overcommit.mem-lock"]
    assert "-overcommit" in _words("prober explain --replies qemu-7.2 -- -ov")
    assert "pc.hpet" in _words("prober explain --replies qemu-7.2 pc.h")
    assert "Skylake-Client.avx2" in _words("prober explain --replies qemu-7.2 Skylake-Client.avx")
    assert _words("prober supports --replies nope PIIX4") == []


def test_without_a_name_the_newest_recording_that_comes_along() -> None:
    assert _words("prober supports pc-q35-11") == ["pc-q35-11.0", "pc-q35-11.1"]


def test_bundled_recordings_by_their_names() -> None:
    assert bundled_names()[-4:] == ["qemu-5.2.0", "qemu-7.2.22", "qemu-10.0.13", "qemu-11.1.2"]
    assert _words("prober supports --replies qemu-aa") == ["qemu-aarch64-7.2.22"]
    assert _words("prober supports --replies qemu-1") == ["qemu-10.0.13", "qemu-11.1.2"]
    assert _words("prober diff qemu-5") == ["qemu-5.2.0"]
    assert _takes_files("prober supports --replies ")
    found = find_recording("qemu-7.2")
    assert found is not None and found.name == "qemu-7.2.22.replies.xz"
    assert find_recording("./qemu-7.2") is None


def test_what_show_shows_and_the_names_of_it() -> None:
    assert _words("prober show t") == ["types", "type"]
    assert _words("prober show --replies qemu-11 type virtio-vga") == [
        "virtio-vga",
        "virtio-vga-base",
        "virtio-vga-base-type",
    ]
    assert "query-version" in _words("prober show --replies qemu-11 command query-")
    assert _words("prober show --replies qemu-11 types x") == []


def test_machines_and_choices() -> None:
    assert _words("prober domcapabilities --replies qemu-7.2 --machine pc-q35-7") == [
        "pc-q35-7.0",
        "pc-q35-7.1",
        "pc-q35-7.2",
    ]
    assert _words("prober probe --accel ") == ["auto", "tcg"]


def test_the_words_of_a_qemu_behind_the_dashes() -> None:
    before = "prober check-argv --replies qemu-7.2 -- qemu-system-x86_64"
    assert _words(f"{before} -cpu Skylake-Client-I") == ["Skylake-Client-IBRS"]
    assert _words(f"{before} -device virtio-rng-pci-t") == ["virtio-rng-pci-transitional"]
    assert _words(f"{before} -device virtio-rng-pci,max") == ["virtio-rng-pci,max-bytes="]
    assert "-overcommit" in _words(f"{before} -over")
    assert _words(f"{before} -machine pc-q35-7.2") == ["pc-q35-7.2"]


def test_files_where_a_file_is_wanted() -> None:
    for line in ("prober translate ", "prober why /var/lo", "prober check a.xml --against ", "prober serve --config "):
        assert _takes_files(line), line
    assert not _takes_files("prober supports ")


def test_a_name_with_a_control_character_is_not_offered(tmp_path: Path) -> None:
    reply = '{"return": [{"name": "e1000"}, {"name": "e\\u001b[31m"}]}\n'
    (tmp_path / "odd.replies").write_text('{\n  "execute": "qom-list-types"\n}\n\n' + reply)
    found = find_candidates(split_line(f"prober supports --replies {tmp_path}/odd.replies e"))
    assert list(lines_of(found)) == [":open", "e1000\t"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no recording",
        '{\n  "execute": "qom-list-types"\n}\n',
        '{"execute": "qom-list-types"\n}\n\n' + "[" * 100_000,
    ],
)
def test_what_is_no_recording_offers_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.replies").write_text(text)
    assert _words(f"prober supports --replies {tmp_path}/odd.replies e") == []
