"""``prober explain``: what a human and a program get to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities.explain import Explanation
from tests.recordings import FIXTURES
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow

NEWER = FIXTURES / "qemu-10.0.13.replies.xz"


def test_a_property_in_lines(run: Run) -> None:
    ended = run("explain", "--replies", NEWER, "PIIX4_PM.acpi-root-pci-hotplug")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[4:] == [
        "  is        a property of PIIX4_PM",
        "  type      bool",
        "  default   true",
        "  says      on/off",
        "  versions  present 5.2.0 to 11.1.2",
    ]


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("pc", ["is        a machine", "name      pc-i440fx-10.0", "CPUs      255 at most", "RAM id    pc.ram"]),
        ("pc-i440fx-2.4", ["is        a machine, deprecated"]),
        ("Skylake-Client", ["is        a CPU model", "alias of  Skylake-Client-v1"]),
        ("virtio-blk-pci", ["parents   virtio-blk-pci-base, virtio-pci, pci-device, device, object"]),
        ("pci-device", ["is        an abstract type", "has       unknown properties"]),
        ("blockdev-add.discard", ["type      enum, optional", "values    ignore, unmap"]),
        ("blockdev-add.driver.file", ["is        a value of blockdev-add.driver"]),
        ("query-version", ["is        a QMP command", "members   none"]),
        ("blockdev-add.iothreads", ["because   the schema of blockdev-add has no iothreads"]),
        ("colo-compare.x", ["versions  absent 11.1.2; unknown 5.2.0 to 10.0.13"]),
    ],
)
def test_each_sort_of_fact(run: Run, fact: str, expected: list[str]) -> None:
    ended = run("explain", "--replies", NEWER, fact)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.strip() for line in ended.out.splitlines()]
    assert [line for line in expected if line not in lines] == []


def test_an_option(run: Run) -> None:
    ended = run("explain", "--replies", NEWER, "--", "-overcommit.mem-lock")
    assert "  is        a key of -overcommit\n  type      string\n" in ended.out


def test_json_is_the_whole_explanation(run: Run) -> None:
    explanation = Explanation.model_validate(run("explain", "--replies", NEWER, "--json", "PIIX4_PM").json)
    assert explanation.history is not None
    assert [str(one.version) for one in explanation.history.seen] == ["5.2.0", "7.2.22", "10.0.13", "11.1.2"]
    assert explanation.evidence.is_present


@pytest.mark.slow
def test_more_recordings_are_looked_into(run: Run, replies: Path) -> None:
    """A file, and a directory of them; the bundled ones are looked into besides, each once."""
    for place in (replies, replies.parent, NEWER):
        ended = run("explain", "--replies", replies, "--recordings", place, "--json", "silent")
        labels = [one["label"] for one in ended.json["history"]["seen"]]
        assert len(labels) == len(set(labels)) == (4 if place == NEWER else 5)
    ended = run("explain", "--replies", replies, "--recordings", replies, "silent")
    assert "versions  absent 5.2.0, present 7.2.1, absent 7.2.22 to 11.1.2" in ended.out


def test_without_bundled_recordings_it_works_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.qemu.bundled.PLACES", (Path("/nowhere"),))
    assert "  versions  no recording\n" in run("explain", "--replies", NEWER, "PIIX4_PM").out
    ended = run("explain", "--replies", NEWER, "--recordings", NEWER, "PIIX4_PM")
    assert "  versions  present 10.0.13\n" in ended.out


@pytest.mark.parametrize("content", [None, "", "{}", '{"execute": "query-version"}\n{"return": []}'])
def test_a_recording_that_cannot_be_read_is_named(run: Run, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "bad.replies"
    if content is not None:
        path.write_text(content)
    ended = run("explain", "--replies", NEWER, "--recordings", path, "PIIX4_PM")
    assert (ended.code, ended.out) == (2, "")
    assert str(path) in ended.err


def test_an_empty_directory_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("explain", "--replies", NEWER, "--recordings", tmp_path / "empty", "PIIX4_PM")
    assert (ended.code, ended.out) == (2, "")
    assert "has no recordings" in ended.err


def test_what_is_no_fact_is_wrong_usage(run: Run) -> None:
    ended = run("explain", "--replies", NEWER, "..")
    assert (ended.code, ended.out) == (2, "")
