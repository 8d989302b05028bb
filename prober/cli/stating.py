"""The work of ``prober state``."""

from __future__ import annotations

import asyncio
from base64 import b64decode
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
from prober.cli.turns import exit_code_of
from prober.domain.domain import Domain
from prober.errors import UsageError
from prober.host.look import read_host_facts
from prober.proof.subject import LineRequest
from prober.rehearsal.keeping import Guest, StateSaved, load_state, save_state
from prober.rehearsal.kernels import offers_of
from prober.rehearsal.models import Migration
from prober.rehearsal.statefile import MOST_FILE, read_kept_domain, read_state, write_state
from prober.rehearsal.told import MigrationTold
from prober.translate.pinned import with_machine
from prober.translate.read import read_domain


class Stated(NamedTuple):
    """Which QEMU it is about, as it was typed."""

    binary: str
    root: Path | None
    settings: Path | None
    socket: Path | None = None
    assume_unknown_present: bool = False

    def host(self) -> MovingQemu:
        """It, with its path."""
        return find_host("--binary", self.binary, self.root, self.settings, self.socket)

    def line(self, domain: Domain, host: MovingQemu) -> LineRequest:
        """The line that a domain comes to.

        :raise RefusedError: where the QEMU cannot have it.
        """
        here = Here(partial(getattr, host.qemu, "capabilities"), host.binary, HostFile(self.settings))
        told = translate_here(domain, here, assume_unknown_present=self.assume_unknown_present)
        return LineRequest(told.argv, False, self.assume_unknown_present)


def run_save(domain: str, stated: Stated, file: Path, *, driven: bool, as_json: bool) -> ExitCode:
    """Keep the state of a domain's guest.

    :raise RefusedError: where the QEMU cannot have the domain.
    :raise ServiceError: where the file cannot be written.
    :raise StateFileError: where the state is larger than a file may be.
    """
    xml = read_xml_file(domain)
    saved, state = _save(xml, stated, driven=driven)
    if state:
        replace_file(file, state, reader="prober state load")
    if as_json:
        output.write_json(saved.model_dump(mode="json"))
    else:
        for text in _format(saved, file, len(state)):
            output.write(output.visible(text))
    return exit_code_of(saved.verdict)


def _save(xml: bytes, stated: Stated, *, driven: bool) -> tuple[StateSaved, bytes]:
    """What is said of it, and the file's bytes."""
    about = read_domain(xml)
    host = stated.host()
    assume = stated.assume_unknown_present
    if host.served is not None:
        told = host.served.keep_state(xml, driven=driven, assume_unknown_present=assume)
        file = b64decode(told.pop("file"))
        return StateSaved.model_validate(told), file
    line = stated.line(about, host)
    guest = Guest(host.subject(), line, xml.decode(errors="replace"), offers_of(read_host_facts()))
    saved, state = asyncio.run(save_state(guest, driven=driven))
    return saved, b"" if state is None else write_state(state)


def _format(saved: StateSaved, file: Path, size: int) -> list[str]:
    source = saved.source
    if exit_code_of(saved.verdict) is not ExitCode.ok:
        why = saved.reason or saved.said
        return [f"{saved.verdict.value} by QEMU {source.version}: {why}", *saved.undriven]
    text = f"{file}: {size} bytes, {saved.state_bytes} inflated, of QEMU {source.version} ({source.machine}), "
    text += f"{saved.seconds:.2f} s"
    return [text, *(f"  left out: {one.flag} {one.part}: {one.why}" for one in source.left_out), *saved.undriven]


def run_load(file: Path, stated: Stated, *, as_json: bool, verbose: bool, whole: bool) -> ExitCode:
    """Have a QEMU take a state.

    :raise StateFileError: where the file is none.
    :raise RefusedError: where the QEMU cannot have the domain.
    """
    migration = MigrationTold(file=str(file), migration=_load(_read(file), stated))
    if as_json:
        output.write_json(migration.model_dump(mode="json"))
    else:
        for text in format_told([migration], verbose=verbose):
            # Whoever made the file does not begin a line of his own.
            output.write(output.visible(text).replace("\n", "\\n"))
    return exit_of_all([migration], whole=whole)


def _load(data: bytes, stated: Stated) -> Migration:
    kept = read_state(data)
    host = stated.host()
    if host.served is not None:
        told = host.served.load_state(data, assume_unknown_present=stated.assume_unknown_present)
        return Migration.model_validate(told)
    domain = with_machine(read_kept_domain(kept.head), kept.head.machine)
    offers = offers_of(read_host_facts())
    return asyncio.run(load_state(kept, host.subject(), stated.line(domain, host), offers=offers))


def _read(file: Path) -> bytes:
    """The bytes of a file, of which no more are read than one may have.

    :raise UsageError: where it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_FILE + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
