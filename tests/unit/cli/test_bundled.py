"""Recordings that come with prober, named to each command that takes a recording."""

from __future__ import annotations

import pytest

from tests.conftest import CHECKOUT
from tests.unit.cli.conftest import Run

_DOMAIN = CHECKOUT / "fixtures/domains/example.xml"
_NAMES = ["qemu-5.2.0", "qemu-7.2.22", "qemu-10.0.13", "qemu-11.1.2"]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "words",
    [
        ("supports", "e1000", "--replies", "qemu-7.2"),
        ("explain", "e1000", "--replies", "qemu-7.2", "--recordings", "bundled"),
        ("show", "machines", "--replies", "qemu-7.2"),
        ("translate", _DOMAIN, "--replies", "qemu-7.2"),
        ("check", _DOMAIN, "--against", "qemu-7.2"),
        ("check-argv", "--replies", "qemu-7.2", "--", "qemu-system-x86_64", "-machine", "pc-i440fx-7.2"),
        ("domcapabilities", "--replies", "qemu-7.2"),
        ("labels", "--replies", "qemu-7.2"),
        ("diff", "qemu-7.2", "qemu-7.2.22", "--summary"),
        ("fleet", "import", "qemu-7.2", "--store", "sqlite:fleet.db"),
    ],
    ids=lambda words: words[0],
)
def test_a_name_is_taken_for_a_recording(run: Run, words: tuple[object, ...]) -> None:
    ended = run(*words)
    assert ended.code == 0, ended.err
    assert "cannot read" not in ended.err


def test_its_name_is_told_and_can_be_given_back(run: Run) -> None:
    told = run("supports", "e1000", "--replies", "qemu-10").out
    assert "  of        qemu-10.0.13 (QEMU 10.0.13, x86_64)\n" in told
    assert run("supports", "e1000", "--replies", "qemu-10.0.13").out == told


def test_a_domain_is_checked_against_all_of_them(run: Run) -> None:
    ended = run("check", _DOMAIN, "--against", "bundled", "--json")
    assert [one["from"] for one in ended.json["against"]] == _NAMES
    assert {(one["from"], one["target"]) for one in ended.json["left_out"]} == {
        (f"qemu-{target}-7.2.22", target) for target in ("aarch64", "loongarch64", "riscv64")
    }
    assert "left out, as the domain is not for aarch64 or loongarch64 or riscv64: qemu-aarch64-7.2.22" in ended.err


def test_of_many_domains_each_is_checked_against_those_of_its_target(run: Run) -> None:
    cases = CHECKOUT / "tests/cases"
    words = (str(_DOMAIN), str(cases / "arm-virt-tree.xml"))
    ended = run("check", *words, "--against", "qemu-7.2", "--against", "bundled", "--json")
    x86, arm = ended.json["domains"]
    assert next(one["from"] for one in x86["against"]) == "qemu-7.2"
    assert {one["target"] for one in x86["left_out"]} == {"aarch64", "loongarch64", "riscv64"}
    # One that was named itself is asked, whatever it is for.
    assert {(one["from"], one["accepts"]) for one in arm["against"]} == {
        ("qemu-7.2", False),
        ("qemu-aarch64-7.2.22", True),
    }
    assert "by aarch64" not in run("check", *words, "--against", "bundled").out


def test_history_is_that_of_the_target(run: Run) -> None:
    told = run("explain", "virtio-blk-device", "--replies", "qemu-aarch64-7.2", "--json").json
    assert [one["label"] for one in told["history"]["seen"]] == ["qemu-aarch64-7.2.22.replies.xz"]


def test_a_service_is_asked_first_where_it_is_named(run: Run) -> None:
    ended = run("diff", "qemu-7.2", "qemu-10", "--socket", "nowhere.sock")
    assert (ended.code, ended.out) == (5, "")
    assert "nowhere.sock" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("supports", "e1000", "--replies"), "cannot read qemu-9.0: No such file or directory"),
        (("check", _DOMAIN, "--against"), "no program 'qemu-9.0' is in PATH"),
    ],
)
def test_who_names_none_is_told_which_there_are(run: Run, words: tuple[object, ...], said: str) -> None:
    ended = run(*words, "qemu-9.0")
    assert ended.code == 2
    assert said in ended.err
    assert ", ".join(_NAMES) in ended.err


def test_a_path_is_no_name(run: Run) -> None:
    ended = run("supports", "e1000", "--replies", "./qemu-7.2")
    assert ended.code == 2
    assert "/qemu-7.2: No such file or directory" in ended.err
    assert "hint" not in ended.err
