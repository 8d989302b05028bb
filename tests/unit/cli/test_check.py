"""``prober check``: one domain against many recordings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prober.cli.output import dotted
from tests.conftest import CHECKOUT
from tests.recordings import FIXTURES
from tests.unit.cli.conftest import Run

#: Half a second and more each: not for each commit.
pytestmark = pytest.mark.slow

DOMAINS = CHECKOUT / "fixtures" / "domains"
VERSIONS = ["5.2.0", "7.2.22", "10.0.13", "11.1.2"]

#: What is said of the recordings of other targets.
LEFT_OUT = "left out, as the domain is not for aarch64 or loongarch64 or riscv64: " + ", ".join(
    f"{FIXTURES}/qemu-{target}-7.2.22.replies.xz" for target in ("aarch64", "loongarch64", "riscv64")
)
LEFT_OUT += "\n"


def test_a_domain_that_all_accept(run: Run) -> None:
    ended = run("check", DOMAINS / "example.xml", "--against", FIXTURES)
    assert (ended.code, ended.err) == (0, LEFT_OUT)
    headers, *rows = ended.out.splitlines()
    assert headers.split() == ["QEMU", "accepts", "ground", "refusals", "from"]
    assert [row.split() for row in rows] == [
        [version, "yes", "checked", f"{FIXTURES}/qemu-{version}.replies.xz"] for version in VERSIONS
    ]


def test_each_refusal_is_said_once_with_the_versions_that_give_it(run: Run) -> None:
    ended = run("check", DOMAINS / "refused.xml", "--against", FIXTURES)
    assert ended.code == 3
    table, *blocks = ended.out.rstrip().split("\n\n")
    assert [row.split()[:4] for row in table.splitlines()[1:]] == [
        [version, "no", "checked", count] for version, count in zip(VERSIONS, "2111", strict=True)
    ]
    assert [block.splitlines()[1] for block in blocks] == [
        "  by 5.2.0 [option/property]",
        "  by all [domain/check-hotplug]",
    ]
    assert blocks[0].startswith(
        f"{DOMAINS}/refused.xml:11: /domain/pm/acpi-hotplug-bridge/@enabled: QEMU has no ICH9-LPC.acpi-pci-hotplug"
    )


@pytest.mark.parametrize("count", [1, 2])
def test_a_domain_that_is_for_none_of_a_directory_is_not_left_out(run: Run, tmp_path: Path, count: int) -> None:
    for number in range(count):
        (tmp_path / f"{number}.xml").write_bytes((DOMAINS / "example.xml").read_bytes())
    recordings = tmp_path / "replies"
    recordings.mkdir()
    for target in ("aarch64", "riscv64"):
        name = f"qemu-{target}-7.2.22.replies.xz"
        (recordings / name).write_bytes((FIXTURES / name).read_bytes())
    ended = run("check", *tmp_path.glob("*.xml"), "--against", recordings)
    assert (ended.code, ended.err) == (3, "")
    assert "the domain is for x86_64, and this QEMU is for aarch64" in ended.out


def test_json_says_the_same(run: Run) -> None:
    ended = run("check", DOMAINS / "refused.xml", "--json", "--against", FIXTURES)
    assert ended.code == 3
    assert [(dotted(one["version"]), one["accepts"], one["refusals"]) for one in ended.json["against"]] == [
        ("5.2.0", False, 2), ("7.2.22", False, 1), ("10.0.13", False, 1), ("11.1.2", False, 1),
    ]  # fmt: skip
    first, second = ended.json["refusals"]
    assert (first["place"]["line"], [dotted(one["version"]) for one in first["by"]]) == (11, ["5.2.0"])
    assert [dotted(one["version"]) for one in second["by"]] == VERSIONS
    assert {one["ground"] for one in ended.json["against"]} == {"checked"}


def test_files_and_directories_are_named_in_any_way_and_each_is_asked_once(run: Run) -> None:
    one, two = FIXTURES / "qemu-5.2.0.replies.xz", FIXTURES / "qemu-7.2.22.replies.xz"
    ways = (["--against", one, "--against", two], ["--against", one, "--against", two, "--against", one], [one, two])
    ended = [run("check", DOMAINS / "example.xml", *way) for way in ways]
    assert ended[0].out == ended[1].out == ended[2].out
    assert [one.err for one in ended[:2]] == ["", ""]
    assert ended[2].err == (
        "prober: words after the domain are taken as QEMUs, which is deprecated: write --against before each\n"
    )


def test_a_domain_comes_from_stdin(run: Run) -> None:
    ended = run("check", "-", "--against", FIXTURES, stdin=(DOMAINS / "refused.xml").read_bytes())
    assert ended.code == 3
    assert "\n<stdin>:12: /domain/pm/acpi-root-hotplug/@enabled: " in ended.out


def test_a_part_of_a_recording_is_unknown_unless_taken_for_granted(run: Run, replies: Path) -> None:
    ended = run("check", DOMAINS / "example.xml", "--against", replies)
    assert ended.code == 3
    assert "it is not known whether QEMU has" in ended.out
    assumed = run("check", DOMAINS / "example.xml", "--assume-unknown-present", "--against", replies)
    assert len(assumed.out) < len(ended.out)


def test_one_that_cannot_be_asked_does_not_silence_the_others(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.replies"
    broken.write_text("no recording")
    ended = run("check", DOMAINS / "refused.xml", "--against", broken, "--against", FIXTURES, "--against", "/bin/true")
    assert ended.code == 5
    assert f"prober: {broken}: " in ended.err
    assert "prober: /bin/true: " in ended.err
    rows = [row.split() for row in ended.out.splitlines()[1:7]]
    assert (rows[0], rows[-1]) == (["?", "not", "asked", str(broken)], ["?", "not", "asked", "/bin/true"])
    assert "  by 5.2.0, 7.2.22, 10.0.13, 11.1.2" in ended.out
    assert run("check", DOMAINS / "example.xml", "--against", broken).code == 2


@pytest.mark.parametrize("xml", [b"", b"<domain>", b"no XML at all"])
def test_unreadable_xml_is_2(run: Run, xml: bytes) -> None:
    ended = run("check", "-", "--against", FIXTURES, stdin=xml)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: <stdin>")


def test_nobody_to_ask_is_2(run: Run, tmp_path: Path) -> None:
    assert run("check", DOMAINS / "example.xml").code == 2
    (tmp_path / "empty").mkdir()
    shutil.copy(DOMAINS / "example.xml", tmp_path / "empty")
    ended = run("check", DOMAINS / "example.xml", "--against", tmp_path / "empty")
    assert (ended.code, ended.out) == (2, "")
    assert "has no recordings" in ended.err


def test_many_domains_have_a_summary_by_domain_and_by_qemu(run: Run) -> None:
    ended = run("check", DOMAINS, "--against", FIXTURES)
    assert (ended.code, ended.err) == (3, LEFT_OUT)
    by_domain, by_qemu, *blocks = ended.out.rstrip().split("\n\n")
    assert [row.split() for row in by_domain.splitlines()[1:]] == [
        [str(DOMAINS / "example.xml"), "4"],
        [str(DOMAINS / "refused.xml"), "4", "all"],
    ]
    assert [row.split()[:4] for row in by_qemu.splitlines()[1:]] == [
        [version, "1", "1", "checked"] for version in VERSIONS
    ]
    assert sorted(block.splitlines()[1] for block in blocks) == [
        "  by 5.2.0 [option/property]",
        "  by all [domain/check-hotplug]",
    ]


def test_files_directories_and_patterns_are_domains_and_each_is_asked_about_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vms").mkdir()
    for number in (1, 2, 10):
        shutil.copy(DOMAINS / "example.xml", tmp_path / "vms" / f"vm{number}.xml")
    (tmp_path / "vms" / "notes.txt").write_text("no domain")
    old = FIXTURES / "qemu-5.2.0.replies.xz"
    names = [f"vms/vm{number}.xml" for number in (1, 2, 10)]
    for words in (["vms"], ["vms/*.xml"], ["vms/vm[12]*.xml", "vms/vm1.xml"], names):
        ended = run("check", "--json", *words, "--against", old)
        assert (ended.code, [one["domain"] for one in ended.json["domains"]]) == (0, names), words
    with_stdin = run("check", "vms/vm1.xml", "-", "--against", old, stdin=(DOMAINS / "refused.xml").read_bytes())
    assert (with_stdin.code, "<stdin>" in with_stdin.out) == (3, True)


def test_a_refusal_of_many_domains_is_said_once(run: Run, tmp_path: Path) -> None:
    for number in range(3):
        shutil.copy(DOMAINS / "refused.xml", tmp_path / f"vm{number}.xml")
    ended = run("check", "*.xml", "--against", FIXTURES / "qemu-11.1.2.replies.xz")
    assert ended.code == 3
    assert ended.out.count("ACPI hot-plug for the root bus") == 1
    assert "  by 11.1.2; and so in 2 more domains" in ended.out


def test_one_that_cannot_be_read_does_not_silence_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text("<domain>")
    words = ["bad.xml", DOMAINS / "example.xml", "gone.xml"]
    ended = run("check", *words, "--against", FIXTURES / "qemu-11.1.2.replies.xz")
    assert ended.code == 2
    assert "prober: bad.xml:1: not well-formed XML" in ended.err
    assert "prober: gone.xml: cannot be read: No such file or directory" in ended.err
    assert [row.split()[1:] for row in ended.out.splitlines()[1:4]] == [
        ["cannot", "be", "read"],
        ["1"],
        ["cannot", "be", "read"],
    ]
    broken = tmp_path / "broken.replies"
    broken.write_text("no recording")
    several = run("check", DOMAINS, "--against", broken, "--against", FIXTURES / "qemu-11.1.2.replies.xz")
    assert (several.code, several.err.count(f"prober: {broken}: ")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["empty", "--against", FIXTURES], "empty has no domains"),
        (["*.xml", "--against", FIXTURES], "nothing is called *.xml"),
        (
            [DOMAINS / "example.xml", FIXTURES / "qemu-5.2.0.replies.xz", "--against", FIXTURES],
            "all other words are domains",
        ),
        ([DOMAINS / "example.xml", DOMAINS / "refused.xml"], "nobody is named to check against"),
    ],
)
def test_what_is_no_domain_is_told_so(run: Run, tmp_path: Path, words: list[object], said: str) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("check", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_an_empty_word_is_not_the_working_directory(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.xml").write_bytes((CHECKOUT / "fixtures" / "domains" / "example.xml").read_bytes())
    for words in (("", "--against", "qemu-10.0"), ("vm.xml", "--against", "")):
        ended = run("check", *words)
        assert (ended.code, ended.out) == (2, "")
        assert "an empty word" in ended.err
