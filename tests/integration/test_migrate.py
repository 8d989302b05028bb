"""Guests moved between real QEMUs, stopped and confined, as ``tests/rehearsal/migrations.toml`` has them."""

from __future__ import annotations

import asyncio
import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prober.commandline.machines.find import machine_family
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.migration import MigrationAsked, rehearse_migration
from prober.rehearsal.models import Migration
from tests.conftest import BINARY_IN_ROOT, ROOT_VERSIONS, QemuPlace, aio
from tests.integration.processes import run_prober
from tests.integration.real_qemu import capabilities_of
from tests.proc import children_of
from tests.rehearsal.measure import DEVICES, LINE, watch_migration

CASES: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent.parent / "rehearsal" / "migrations.toml").read_text(encoding="utf-8")
)
BEFORE = "-nodefaults -display none -accel tcg"
EVERY = ("installed", *ROOT_VERSIONS)


def pairs_of(case: dict[str, Any]) -> list[tuple[str, str]]:
    """From where to where a case goes."""
    pairs = case.get("pairs", [["installed", "installed"], ["installed", "10.0"]])
    if pairs == "any":
        return [(a, b) for a in EVERY for b in EVERY]
    return [(a, b) for a, b in pairs]


def every() -> Iterator[Any]:
    for name, case in CASES.items():
        for source, destination in pairs_of(case):
            needs_roots = source != "installed" or destination != "installed"
            marks = [pytest.mark.roots] if needs_roots else []
            for driven in (False, True) if "driven" in case else (False,):
                ident = f"{name}-{source}-{destination}" + ("-driven" if driven else "")
                yield pytest.param(name, source, destination, driven, id=ident, marks=marks)


def subject_of(version: str, qemu_binary: str, roots: dict[str, Path]) -> LineSubject:
    place = (
        QemuPlace(version, qemu_binary)
        if version == "installed"
        else QemuPlace(version, BINARY_IN_ROOT, roots[version])
    )
    return LineSubject(place.binary, capabilities_of(place), place.root)


def migrate(
    source: LineSubject, line: str, destination: LineSubject, to_line: str, *, driven: bool = False
) -> Migration:
    """What becomes of it; the check is passed by, as QEMU's own words are looked at."""
    lines = [LineRequest(("qemu", *f"{BEFORE} {one}".split()), anyway=True) for one in (line, to_line)]
    asked = MigrationAsked(source, lines[0], destination, lines[1], driven)
    migration: Migration = aio(rehearse_migration(asked), debug=False)
    return migration


@pytest.fixture
def roots(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The other QEMUs, for a test that needs them."""
    if request.node.get_closest_marker("roots") is None:
        return {}
    found: dict[str, Path] = request.getfixturevalue("qemu_roots")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source", "destination", "driven"), [*every()])
def test_it_becomes_of_it_what_is_told(
    name: str, source: str, destination: str, driven: bool, qemu_binary: str, roots: dict[str, Path]
) -> None:
    case = CASES[name]
    verdict, says = case["driven"] if driven else (case["verdict"], case.get("says", ""))
    if case.get("pairs") == "any" and (source, destination) == ("10.0", "11.1"):
        # 11.1 refuses what 10.0 sends of queues that no guest has set up.
        verdict, says = "not provable", "vring.num 1024"
    here, there = (subject_of(version, qemu_binary, roots) for version in (source, destination))
    before = children_of(os.getpid())
    migration = migrate(here, case["line"], there, case.get("to_line", case["line"]), driven=driven)
    assert children_of(os.getpid()) == before
    seen = [f"{one.where}: {one.part}" if one.part else one.where for one in migration.changes]
    assert migration.verdict == verdict, (migration.said, migration.reason, seen)
    assert says in migration.said
    for change in case.get("sees", []):
        assert change in seen, seen
    if verdict == "rehearsed":
        assert seen == []
        assert migration.state_bytes > 0
    if verdict == "refused" and "about" in case:
        assert migration.device == case["about"]
        because = [f"{one.where}: {one.part}" if one.part else one.where for one in migration.because]
        assert not because or set(because) & {*case.get("sees", []), *because}


def test_a_line_that_the_check_refuses_is_not_started(qemu_binary: str) -> None:
    subject = subject_of("installed", qemu_binary, {})
    lines = [LineRequest(("qemu", "-nodefaults", *more)) for more in ((), ("-device", "nosuch"))]
    asked = MigrationAsked(subject, lines[0], subject, lines[1])
    migration: Migration = aio(rehearse_migration(asked), debug=False)
    assert (migration.verdict, migration.stage) == ("refused", "destination")
    assert migration.reason == "the check refuses it, so it was not started"
    assert [one.kind for one in migration.destination.findings] == ["error"]


def test_what_is_not_provable_is_not_moved(qemu_binary: str) -> None:
    subject = subject_of("installed", qemu_binary, {})
    migration = migrate(subject, "-machine q35", subject, "-machine q35 -device help")
    assert (migration.verdict, migration.stage) == ("not provable", "destination")


def test_a_destination_that_crashes_is_told_as_such(qemu_binary: str) -> None:
    """An HDA codec of another kind ends the destination's QEMU (7.2)."""
    subject = subject_of("installed", qemu_binary, {})
    line = "-machine pc-q35-5.2 -audiodev none,id=a -device intel-hda -device {},audiodev=a"
    migration = migrate(subject, line.format("hda-duplex"), subject, line.format("hda-output"))
    assert migration.verdict == "refused"
    assert migration.signal == "SIGABRT"
    assert "crashed (SIGABRT): the guest would have gone on where it was" in migration.reason


def test_both_take_little_memory_whatever_the_guest_has(qemu_binary: str) -> None:
    subject = subject_of("installed", qemu_binary, {})
    line = LineRequest(tuple(LINE.split()))
    migration, peak = aio(watch_migration(MigrationAsked(subject, line, subject, line)), debug=False)
    assert migration.verdict == "rehearsed"
    assert 20 << 20 < peak <= 150 << 20


def test_a_migration_that_is_broken_off_leaves_nothing(qemu_binary: str) -> None:
    subject = subject_of("installed", qemu_binary, {})
    line = LineRequest(("qemu", *BEFORE.split(), "-machine", "q35"))

    async def break_off(after: float) -> None:
        task = asyncio.ensure_future(rehearse_migration(MigrationAsked(subject, line, subject, line)))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    before = children_of(os.getpid()), sorted(os.listdir("/proc/self/fd"))
    for after in (0.0, 0.02, 0.1, 0.2, 0.3, 0.4):
        aio(break_off(after), debug=False)
    assert (children_of(os.getpid()), sorted(os.listdir("/proc/self/fd"))) == before


DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>{more}<devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/a.qcow2'/>
<target dev='vda' bus='virtio'/></disk><interface type='user'><model type='virtio'/></interface></devices></domain>"""


@pytest.mark.slow
def test_the_command_tells_of_domains(qemu_binary: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(DOMAIN.format(name="a", more=""))
    (tmp_path / "b.xml").write_text(DOMAIN.format(name="b", more="<cpu><model>nosuch</model></cpu>"))
    (tmp_path / "c.xml").write_text("<nonsense/>")
    (tmp_path / "d.xml").write_text("<nonsense")
    ended = run_prober("migrate", tmp_path, "--from", qemu_binary, "--to", qemu_binary, "--both-ways", "--json")
    assert ended.code == 2
    told = json.loads(ended.out)
    names = [(Path(one["file"]).name, (one["migration"] or {}).get("verdict")) for one in told]
    assert names == [("a.xml", "rehearsed")] * 2 + [("b.xml", "refused")] * 2 + [("c.xml", None), ("d.xml", None)]
    assert all(one["refusals"] for one in told if one["file"].endswith("b.xml"))
    one = run_prober("migrate", tmp_path / "a.xml", "--from", qemu_binary, "--to", qemu_binary)
    assert (one.code, one.err) == (0, "")
    assert ": rehearsed: QEMU " in one.out
    told_of_it = run_prober("migrate", tmp_path / "a.xml", "--from", qemu_binary, "--to", qemu_binary, "--verbose")
    assert "the guest calls its network card net0 " in told_of_it.out


@pytest.mark.slow
def test_the_command_tells_of_lines(qemu_binary: str) -> None:
    line = ("qemu", *BEFORE.split(), "-machine", "q35", "-device", "virtio-net-pci,id=n,vectors=3")
    there = " ".join(line).replace("vectors=3", "vectors=9")
    both = ("--from", qemu_binary, "--to", qemu_binary)
    ended = run_prober("migrate", *both, "--to-line", there, "--", *line)
    assert ended.code == 3
    assert "because virtio-net-pci n at 01.0: vectors is 3 here and 9 there" in ended.out
    same = run_prober("migrate", *both, "--driven", "--verbose", "--", *line)
    assert same.code == 0
    assert "driven: CPU hot-plug, virtio-net-pci n at 01.0" in same.out
    in_part = run_prober("migrate", *both, "--to-line", f"{' '.join(line)} -smp 2", "--whole", "--", *line)
    assert in_part.code == 4
    assert "the guest would see: cpus: present is 1 here and 2 there" in in_part.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vm.xml",), "--from is missing"),
        (("--from", "/nonexistent", "--to", "/nonexistent"), "what is to migrate?"),
        (("--from", "/", "--to-root", "/nonexistent", "vm.xml"), "is no directory"),
        (("--from", "/", "--to", "nosuchqemu", "vm.xml"), "no program 'nosuchqemu'"),
    ],
)
def test_what_is_typed_wrong_is_told(words: tuple[str, ...], said: str) -> None:
    ended = run_prober("migrate", *words)
    assert ended.code == 2
    assert said in ended.err


@pytest.mark.slow
@pytest.mark.roots
@pytest.mark.parametrize("destination", EVERY)
@pytest.mark.parametrize("source", EVERY)
def test_every_machine_type_that_both_have_goes_over(
    source: str, destination: str, qemu_binary: str, qemu_roots: dict[str, Path]
) -> None:
    here, there = (subject_of(version, qemu_binary, qemu_roots) for version in (source, destination))
    of_both = set(here.capabilities.accelerator.machines or {}) & set(there.capabilities.accelerator.machines or {})
    versioned = of_both - {"pc", "q35"}
    machines = sorted(name for name in versioned if machine_family(name, "x86_64").kind in ("pc", "q35"))
    assert len(machines) > 1
    told = {name: migrate(here, f"-machine {name} {DEVICES}", there, f"-machine {name} {DEVICES}") for name in machines}
    verdicts = {name: (one.verdict.value, [f"{c.where}: {c.part}" for c in one.changes]) for name, one in told.items()}
    wanted = "not provable" if (source, destination) == ("10.0", "11.1") else "rehearsed"
    assert {name: verdict for name, verdict in verdicts.items() if verdict != (wanted, [])} == {}
