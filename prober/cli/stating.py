"""The work of ``prober state``."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file
from prober.cli.migrating import MovingQemu, find_host
from prober.cli.migration import exit_of_all, format_told
from prober.cli.replacing import replace_file
from prober.cli.translating import Here, HostFile, translate_here
from prober.errors import StateFileError
from prober.proof.subject import LineRequest
from prober.rehearsal.keeping import Guest, StateSaved, load_state, save_state
from prober.rehearsal.statefile import MOST_FILE, read_state, write_state
from prober.rehearsal.told import MigrationTold
from prober.rehearsal.verdict import RehearsalVerdict
from prober.translate.pinned import with_machine
from prober.translate.read import read_domain

_CODES = {RehearsalVerdict.refused: ExitCode.refused, RehearsalVerdict.not_provable: ExitCode.unknown}


class Stated(NamedTuple):
    """Which QEMU it is about, as it was typed."""

    binary: str
    root: Path | None
    settings: Path | None
    assume_unknown_present: bool = False

    def host(self) -> MovingQemu:
        """It, with its path."""
        return find_host("--binary", self.binary, self.root, self.settings)


def run_save(domain: str, stated: Stated, file: Path, *, driven: bool, as_json: bool) -> ExitCode:
    """Keep the state of a domain's guest.

    :raise RefusedError: where the QEMU cannot have the domain.
    :raise ServiceError: where the file cannot be written.
    :raise StateFileError: where the state is larger than a file may be.
    """
    xml = read_xml_file(domain)
    about = read_domain(xml)
    host = stated.host()
    here = Here(partial(getattr, host.qemu, "capabilities"), host.binary, HostFile(stated.settings))
    told = translate_here(about, here, assume_unknown_present=stated.assume_unknown_present)
    line = LineRequest(told.argv, False, stated.assume_unknown_present)
    guest = Guest(host.subject(), line, xml.decode(errors="replace"))
    saved, state = asyncio.run(save_state(guest, driven=driven))
    if state is not None:
        replace_file(file, write_state(state), reader="prober state load")
    if as_json:
        output.write_json(saved.model_dump(mode="json"))
    else:
        for text in _format(saved, file):
            output.write(text)
    return _CODES.get(saved.verdict, ExitCode.ok)


def _format(saved: StateSaved, file: Path) -> list[str]:
    source = saved.source
    if saved.verdict in _CODES:
        why = saved.reason or saved.said
        return [f"{saved.verdict.value} by QEMU {source.version}: {why}", *saved.undriven]
    text = f"{file}: {saved.state_bytes} bytes of QEMU {source.version} ({source.machine}), {saved.seconds:.2f} s"
    return [text, *(f"  left out: {one.flag} {one.part}: {one.why}" for one in source.left_out), *saved.undriven]


def run_load(file: Path, stated: Stated, *, as_json: bool, verbose: bool, whole: bool) -> ExitCode:
    """Have a QEMU take a state.

    :raise StateFileError: where the file is none.
    :raise RefusedError: where the QEMU cannot have the domain.
    """
    kept = read_state(_read(file))
    domain = with_machine(read_domain(kept.head.xml.encode()), kept.head.machine)
    host = stated.host()
    here = Here(partial(getattr, host.qemu, "capabilities"), host.binary, HostFile(stated.settings))
    told = translate_here(domain, here, assume_unknown_present=stated.assume_unknown_present)
    line = LineRequest(told.argv, False, stated.assume_unknown_present)
    migration = MigrationTold(file=str(file), migration=asyncio.run(load_state(kept, host.subject(), line)))
    if as_json:
        output.write_json(migration.model_dump(mode="json"))
    else:
        for text in format_told([migration], verbose=verbose):
            output.write(text)
    return exit_of_all([migration], whole=whole)


def _read(file: Path) -> bytes:
    """The bytes of a file, of which no more are read than one may have.

    :raise StateFileError: where it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_FILE + 1)
    except OSError as error:
        raise StateFileError(f"{file} cannot be read: {error.strerror}") from error
