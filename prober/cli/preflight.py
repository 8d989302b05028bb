"""``prober preflight``: what this host has of all that a domain asks of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.choosing import REPLIES_VARIABLE, choose, find_socket
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name, with_place
from prober.cli.knowledge import capabilities_of
from prober.cli.options import Assume, Binary, DomainFile, Json, Quiet, Replies, Settings, Socket
from prober.errors import RefusedError, UnreadableDomainError
from prober.rehearsal.preflight.model import HostFinding, Preflight

#: What each outlook comes to.
_CODES = {"ok": ExitCode.ok, "wrong": ExitCode.refused, "unknown": ExitCode.unknown}


def preflight_command(
    domain: DomainFile,
    user: Annotated[
        str | None,
        typer.Option("--as", metavar="USER", help="Who will run QEMU, by name or number. [default: who asks]"),
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    settings: Settings = None,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what is as it should be, too.")] = False,
) -> None:
    """Proving a line replaces what only its host can give. This looks at exactly that, on this host, as the user that
    will run QEMU: images with all that stands behind them, sockets, taps and bridges, ports, /dev/kvm, huge pages,
    devices of the host, helpers, firmware, secrets. Nothing is changed, and no QEMU runs the domain. Who is root looks
    as another user; else what that user may do is worked out from the rights of each file.

    Without `--binary` and the like, the domain's `<emulator>` is asked what it can do.

    Exit code: 0 all is as the domain needs it; 3 something is wrong, or the domain is refused; 4 something could not be
    told, and nothing is wrong; 2 the XML cannot be read, or there is no such user.

    Example: `prober preflight vm.xml --as libvirt-qemu`
    """
    output.hush(answer=quiet, words=quiet)
    code = run_preflight(
        domain,
        user,
        socket=socket,
        binary=binary,
        replies=replies,
        settings=settings,
        assume_unknown_present=assume_unknown_present,
        as_json=json,
        verbose=verbose,
    )
    raise typer.Exit(code)


def run_preflight(
    path: str,
    user: str | None,
    *,
    socket: Path | None,
    binary: str | None,
    replies: Path | None,
    settings: Path | None,
    assume_unknown_present: bool,
    as_json: bool,
    verbose: bool,
) -> ExitCode:
    """Print what was found.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    :raise UsageError: where there is no such user.
    """
    # Imported late: the command line of every other command is made without it.
    from prober.cli.local import Local
    from prober.host.files import read_host
    from prober.rehearsal.preflight.look import preflight
    from prober.rehearsal.preflight.seen_as import find_user
    from prober.rehearsal.preflight.wanted import find_wanted
    from prober.translate.read import read_domain

    seen_as = find_user(user)
    file = shown_name(path)
    xml = read_xml_file(path)
    try:
        domain = read_domain(xml)
        if (socket, binary, replies) == (None, None, None) and not os.environ.get(REPLIES_VARIABLE):
            # A service remembers what the domain's own QEMU can do; without one, that is asked.
            socket, binary = find_socket(), domain.emulator
        answerer = choose(socket, binary, replies)
        caps = capabilities_of(answerer)
        wanted = find_wanted(
            domain,
            caps,
            binary=binary or domain.emulator or f"/usr/bin/qemu-system-{caps.target}",
            host=read_host(settings),
            is_here=not isinstance(answerer, Local) or answerer.is_binary,
            assume=assume_unknown_present,
        )
    except RefusedError as error:
        for refusal in error.refusals:
            output.tell(f"{file}:{refusal}")
        if as_json:
            output.write_json({"refusals": [refusal.model_dump(mode="json") for refusal in error.refusals]})
        return ExitCode.refused
    except UnreadableDomainError as error:
        raise with_place(error, path) from error
    found = preflight(wanted, seen_as)
    if as_json:
        output.write_json({"outlook": found.outlook, **found.model_dump(mode="json")})
    else:
        for line in format_preflight(found, file, verbose=verbose):
            output.write(line)
    return _CODES[found.outlook]


def format_preflight(found: Preflight, file: str, *, verbose: bool) -> Iterator[str]:
    """Each finding with its place, why it matters and what mends it; how many there are at the end."""
    for finding in found.findings:
        if verbose or finding.outlook != "ok":
            yield from _format(finding, file)
    counts = {outlook: sum(one.outlook == outlook for one in found.findings) for outlook in ("ok", "wrong", "unknown")}
    judged = "as the kernel judges" if found.judged_by == "kernel" else "as the rights of files tell"
    yield f"for user {found.user}, {judged}: {counts['ok']} ok, {counts['wrong']} wrong, {counts['unknown']} unknown"


def _format(finding: HostFinding, file: str) -> Iterator[str]:
    yield f"{file}:{finding.place.line}: {finding.place.path}: {finding.outlook}: {finding.kind}: {finding.what}"
    if finding.why:
        yield f"  why: {finding.why}"
    if finding.todo:
        yield f"  mend: {finding.todo}"
