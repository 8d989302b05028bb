"""Guests sent from one QEMU to another, for ``prober migrate`` and ``prober upgrade``."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prober.cli import output
from prober.cli.choosing import find_program, find_served
from prober.cli.domains import find_domains
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name
from prober.cli.forms.write import write_form
from prober.cli.knowledge import capabilities_of
from prober.cli.local import Local, interviewed
from prober.cli.migration import exit_of_all, format_told
from prober.cli.moving_served import ServedMove
from prober.cli.options import Form
from prober.cli.remote import Remote
from prober.cli.translating import Here, HostFile, translate_here
from prober.cli.turns import in_turns
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError, UsageError
from prober.guest.cards.name import CardChange, CardName, compare_card_names
from prober.proof.kvm import KvmTrial
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.migration import MigrationAsked, rehearse_migration
from prober.rehearsal.models import Migration
from prober.rehearsal.pair import SideName
from prober.rehearsal.told import MigrationTold, refused_by
from prober.service.routes import BINARY
from prober.translate.pinned import canonical_machine, with_machine
from prober.translate.read import read_domain

#: What a root directory's QEMU is called, where only the directory is named.
_IN_ROOT = "/usr/bin/qemu-system-x86_64"


class MigrateAsked(NamedTuple):
    """How it is asked: what the check refuses ``anyway``, with the devices ``driven``, and back again."""

    anyway: bool = False
    assume_unknown_present: bool = False
    driven: bool = False
    both_ways: bool = False


@dataclass(frozen=True)
class Journey:
    """From where to where, as it was typed."""

    source: str | None
    destination: str | None
    from_root: Path | None = None
    to_root: Path | None = None
    settings: Path | None = None
    socket: Path | None = None


class MovingQemu(NamedTuple):
    """One QEMU: who answers for it, its path, the root directory that it is in, and the service that has it."""

    qemu: Local
    binary: str
    root: Path | None
    served: Remote | None = None

    def subject(self) -> LineSubject:
        """It as one that is started.

        :raise QemuError: where it cannot be interviewed.
        """
        return LineSubject(self.binary, self.qemu.capabilities, self.root)


def run_migrate(
    words: Sequence[str],
    to_line: str | None,
    journey: Journey,
    asked: MigrateAsked,
    *,
    form: Form,
    verbose: bool,
    whole: bool,
) -> ExitCode:
    """Print what becomes of each guest.

    :raise UsageError: where it is not told from where to where, or what.
    :raise UnreadableDomainError: where a single domain cannot be read.
    """
    if not words:
        raise UsageError("what is to migrate?", hint="name domains, or a command line after --")
    hosts = find_hosts(journey)
    served = _served(hosts, asked)
    if served is None:
        for host in hosts:
            host.subject()  # Interviewed before anything is started, one after the other.
    if is_line(words, to_line):
        line = _as_line(words)
        there = line if to_line is None else _as_line(_split(to_line))
        told = served.of_lines(line, there) if served else _rehearse_line(line, there, hosts, asked)
    else:
        files = find_domains([*words])
        settings = HostFile(journey.settings)
        told = served.of_domains(files) if served else rehearse_domains(files, hosts, settings, asked)
    if form is Form.json:
        output.write_json([one.model_dump(mode="json") for one in told])
    elif form is not Form.text:
        from prober.cli.forms.moves import report_migrations

        write_form(report_migrations(told, whole=whole), form)
    else:
        for text in format_told(told, verbose=verbose):
            output.write(output.visible(text))
    return exit_of_all(told, whole=whole)


def is_line(words: Sequence[str], to_line: str | None) -> bool:
    """Whether these are the words of a command line, and no files."""
    return to_line is not None or any(word.startswith("-") and word != "-" for word in words)


def find_hosts(journey: Journey) -> tuple[MovingQemu, MovingQemu]:
    """Both QEMUs.

    :raise UsageError: where one is not told, or is none.
    """
    return (
        find_host("--from", journey.source, journey.from_root, journey.settings, journey.socket),
        find_host("--to", journey.destination, journey.to_root, journey.settings, journey.socket),
    )


def find_host(
    option: str, name: str | None, root: Path | None, settings: Path | None, socket: Path | None = None
) -> MovingQemu:
    """The QEMU that an option names: by its path, its root directory, or an id of the service on ``socket``.

    :raise UsageError: where it names none.
    :raise ServiceError: where the service cannot be asked.
    """
    if name is None and root is None:
        raise UsageError(f"{option} is missing", hint="name both QEMUs, --from A --to B")
    if root is not None:
        return _in_root(option, name or _IN_ROOT, root, settings)
    assert name is not None
    served = find_served(name, socket)
    if served is not None:
        return _of_service(served, settings)
    if Path(name).is_dir():
        return _in_root(option, _IN_ROOT, Path(name), settings)
    binary = str(Path(find_program(name, "a root directory, or a binary of a service by --socket")).absolute())
    return MovingQemu(interviewed(binary, settings), binary, None)


def _of_service(served: Remote, settings: Path | None) -> MovingQemu:
    """A binary of a service, whose own host it is on; what it can do is not asked again."""
    entry = served.tell(BINARY)
    if entry["kind"] == "recording":
        raise UsageError(f"{entry['id']} is a recording, which cannot be started", hint="name a QEMU")
    binary = entry["path"]
    return MovingQemu(Local(lambda: capabilities_of(served), binary, binary, settings), binary, None, served)


def _in_root(option: str, binary: str, root: Path, settings: Path | None) -> MovingQemu:
    if not root.is_dir():
        raise UsageError(f"{root} is no directory", hint=f"it is where the QEMU of {option} is started in")
    directory = root.absolute()
    return MovingQemu(interviewed(binary, settings, directory), binary, directory)


def _served(hosts: tuple[MovingQemu, MovingQemu], asked: MigrateAsked) -> ServedMove | None:
    """The service that rehearses it, where it has both."""
    source, destination = hosts
    if source.served is None or destination.served is None:
        return None
    return ServedMove(
        source.served,
        destination.binary,
        driven=asked.driven,
        both_ways=asked.both_ways,
        anyway=asked.anyway,
        assume_unknown_present=asked.assume_unknown_present,
    )


def _rehearse_line(
    line: tuple[str, ...], there: tuple[str, ...], hosts: tuple[MovingQemu, MovingQemu], asked: MigrateAsked
) -> list[MigrationTold]:
    source, destination = hosts
    told = [_Pair("", (source, line), (destination, there))]
    if asked.both_ways:
        told.append(_Pair("", (destination, there), (source, line)))
    with output.ProgressLine() as progress:
        return asyncio.run(_rehearse_all(told, asked, progress))


def _as_line(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a line, binary first; one that begins with an option has none."""
    return ("qemu", *words) if words and words[0].startswith("-") else tuple(words)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"--to-line cannot be read: {error}") from error


_Line = tuple[MovingQemu, tuple[str, ...]]


class _Pair(NamedTuple):
    """Two lines of one guest, its cards that it would call otherwise, and what it calls each."""

    file: str
    source: _Line
    destination: _Line
    cards: tuple[CardChange, ...] = ()
    names: tuple[CardName, ...] = ()


async def _rehearse_all(
    pairs: Sequence[_Pair], asked: MigrateAsked, progress: output.ProgressLine
) -> list[MigrationTold]:
    """What becomes of each pair of lines."""
    kvm = KvmTrial()

    async def one(pair: _Pair) -> MigrationTold:
        migration = await _rehearse(pair.source, pair.destination, asked, kvm)
        return MigrationTold(file=pair.file, migration=migration, cards=pair.cards, names=pair.names)

    return await in_turns(pairs, one, lambda count: f"{count} of {len(pairs)} rehearsed", progress)


async def _rehearse(here: _Line, there: _Line, asked: MigrateAsked, kvm: KvmTrial) -> Migration:
    return await rehearse_migration(
        MigrationAsked(
            here[0].subject(),
            LineRequest(here[1], asked.anyway, asked.assume_unknown_present),
            there[0].subject(),
            LineRequest(there[1], asked.anyway, asked.assume_unknown_present),
            asked.driven,
        ),
        kvm=kvm,
    )


def rehearse_domains(
    files: Sequence[str], hosts: tuple[MovingQemu, MovingQemu], settings: HostFile, asked: MigrateAsked
) -> list[MigrationTold]:
    """Each domain, translated for both; what one of the two refuses is not started.

    :raise UnreadableDomainError: where the only domain cannot be read.
    :raise QemuError: where a QEMU cannot be interviewed.
    """
    told: dict[int, MigrationTold] = {}
    pairs: list[_Pair] = []
    places: list[int] = []
    for file in files:
        try:
            domain = read_domain(read_xml_file(file))
        except UnreadableDomainError as error:
            if len(files) == 1:
                raise
            output.complain(f"{shown_name(file)}: {error.message}", error.hint)
            told[len(told) + len(places)] = MigrationTold(file=shown_name(file), unreadable=error.message)
            continue
        except RefusedError as error:
            refusals = tuple(error.refusals)
            told[len(told) + len(places)] = MigrationTold(file=shown_name(file), refusals=refusals)
            continue
        # It keeps the machine type that it has where it runs, also on its way back.
        kept = with_machine(domain, canonical_machine(domain, hosts[0].qemu.capabilities))
        for ways in (hosts, hosts[::-1]) if asked.both_ways else (hosts,):
            place = len(told) + len(places)
            found = _translated(shown_name(file), kept, ways, settings, asked)
            if isinstance(found, MigrationTold):
                told[place] = found
            else:
                pairs.append(found)
                places.append(place)
    with output.ProgressLine() as progress:
        rehearsed = asyncio.run(_rehearse_all(pairs, asked, progress))
    told.update(zip(places, rehearsed, strict=True))
    return [told[place] for place in sorted(told)]


def _translated(
    file: str, domain: Domain, hosts: tuple[MovingQemu, MovingQemu], settings: HostFile, asked: MigrateAsked
) -> MigrationTold | _Pair:
    """Both lines, or what one of the two QEMUs refuses."""
    source, destination = hosts
    lines: list[_Line] = []
    cards: list[tuple[CardName, ...]] = []
    sides: tuple[tuple[SideName, MovingQemu], ...] = (("source", source), ("destination", destination))
    for side, host in sides:
        here = Here(partial(getattr, host.qemu, "capabilities"), host.binary, settings)
        try:
            told = translate_here(domain, here, assume_unknown_present=asked.assume_unknown_present)
        except RefusedError as error:
            return refused_by(file, side, error.refusals, source.subject(), destination.subject())
        lines.append((host, told.argv))
        cards.append(told.cards)
    return _Pair(file, lines[0], lines[1], tuple(compare_card_names(*cards)), cards[0])
