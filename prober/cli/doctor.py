"""``prober doctor``: what stands in the way on this host, as the service and this command see it, and what to do."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import prober
from prober.capabilities.catalog import Catalog
from prober.cli import output
from prober.cli.choosing import find_socket
from prober.cli.exits import ExitCode
from prober.cli.options import AgentStatusFile, Json
from prober.cli.served import Config
from prober.errors import ServiceError
from prober.fleet.agent.place import DEFAULT_STATUS
from prober.service.client import Client
from prober.service.configuration import Configuration, read_configuration
from prober.service.doctor.agent import look_at_agent
from prober.service.doctor.examine import examine
from prober.service.doctor.observed import HostReport, Level, Observation, group_name, observe, report_of
from prober.service.routes import DOCTOR, HEALTH
from prober.service.settings import ServiceSettings

#: How long (seconds) the service may take to look at its host.
_PATIENCE_S = 60.0

#: Where the unit of the service's socket is, if it is installed.
_UNITS = (Path("/etc/systemd/system/prober.socket"), Path("/usr/lib/systemd/system/prober.socket"))

_socket = partial(observe, "socket")

_ORDER: dict[Level, int] = {"problem": 0, "notice": 1, "ok": 2}


def doctor_command(
    as_json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what is well, too.")] = False,
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket",
            metavar="PATH",
            readable=False,
            help="The service's socket. [default: the one in its settings, or that of `make run`]",
        ),
    ] = None,
    config: Config = None,
    agent_status: AgentStatusFile = DEFAULT_STATUS,
) -> None:
    """A running service tells what it sees with its own user and confinement; what only this command sees, its socket,
    the file of its settings and the agent of a fleet, is added. Without a service the command looks at all of it as the
    user who calls it.

    Exit codes: 0 nothing is to be done; 1 something is.

    Example: `sudo prober doctor`
    """
    read = read_configuration(config, {} if socket is None else {"socket": socket})
    settings = read.settings or ServiceSettings(**({} if socket is None else {"socket": socket}))
    seen, service = _find_service(read, settings.socket)
    own = [*seen, *_of_settings(read), *look_at_agent(agent_status)]
    if service is None:
        own += asyncio.run(_look(settings))
    reports = [report_of("command", own), *([] if service is None else [service])]
    problems = sum(report.problems for report in reports)
    if as_json:
        output.write_json({"problems": problems, "reports": [report.model_dump(mode="json") for report in reports]})
    else:
        output.write("\n".join(_lines(reports, verbose=verbose)))
    raise SystemExit(ExitCode.absent if problems else ExitCode.ok)


def _find_service(read: Configuration, socket: Path) -> tuple[list[Observation], HostReport | None]:
    """Ask the service on this socket; where nobody wants one there, the one that every command finds."""
    is_named = any(one.key == "socket" and one.source != "default" for one in read.told)
    is_wanted = is_named or any(unit.exists() for unit in _UNITS)
    return _ask(socket if is_wanted else find_socket() or socket, is_wanted=is_wanted)


async def _look(settings: ServiceSettings) -> list[Observation]:
    """All that a service would look at, by this process; its binaries are interviewed, and nothing is kept of it."""
    # What the catalog logs of a binary that fails is a finding; without a handler Python prints it besides.
    logging.getLogger("prober").addHandler(logging.NullHandler())
    alone = settings.catalog.model_copy(update={"cache_dir": None})
    async with Catalog(alone) as catalog:
        with output.ProgressLine() as progress:
            progress.show(f"interviewing {len(catalog.entries())} binaries …")
            await catalog.settled()
        return await examine("command", settings, catalog.entries())


def _of_settings(read: Configuration) -> list[Observation]:
    why = "the service does not start by these, or keeps its former ones when it is reloaded"
    found = [
        observe(
            "settings",
            "notice" if problem in read.unknown else "problem",
            f"{problem.key}: {problem.message}" if problem.key else problem.message,
            problem.place,
            "nothing heeds it" if problem in read.unknown else why,
            problem.hint,
        )
        for problem in (*read.problems, *read.unknown)
    ]
    if read.problems:
        return found
    return [*found, observe("settings", "ok", "the settings are well", read.file or "")]


def _ask(path: Path, *, is_wanted: bool) -> tuple[list[Observation], HostReport | None]:
    """What is seen of the socket, and what the service behind it says.

    ``is_wanted`` is whether somebody wants a service here, and its absence is a problem: a socket is named, or its unit
    is installed.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        todo = "systemctl enable --now prober.socket prober.service, or name it with --socket; `prober serve` runs one"
        level: Level = "problem" if is_wanted else "notice"
        return [_socket(level, "there is no service: no such socket", path, "nobody answers", todo)], None
    except OSError as error:
        return [_socket("problem", f"it may not be looked at: {error.strerror}", path, _NOT_ASKED, _rights(path))], None
    if not stat.S_ISSOCK(found.st_mode):
        return [_socket("problem", "it is no socket", path, "nobody answers", "remove it, and start the service")], None
    mode, group = stat.S_IMODE(found.st_mode), group_name(found.st_gid)
    if not os.access(path, os.R_OK | os.W_OK):
        todo = f"usermod --append --groups {group} USER, and log in again" if mode & 0o060 == 0o060 else _rights(path)
        said = f"you may not ask: the socket is for the group {group} ({mode:04o})"
        return [_socket("problem", said, path, _NOT_ASKED, todo)], None
    return _answer(path, f"group {group}, {mode:04o}")


_NOT_ASKED = "what the service sees is not known"


def _answer(path: Path, rights: str) -> tuple[list[Observation], HostReport | None]:
    try:
        with Client(path, timeout=_PATIENCE_S) as client:
            health = client.ask(HEALTH)
            reply = client.ask(DOCTOR) if health.ok else health
    except ServiceError as error:
        return [_socket("problem", error.message, path, "nobody answers", error.hint or _START)], None
    if not reply.ok:
        said = f"the service does not tell what it sees (it answered {reply.status})"
        todo = "systemctl restart prober: it may be an earlier version; its log says more"
        return [_socket("problem", said, path, _NOT_ASKED, todo)], None
    found = [_socket("ok", f"the service answers ({rights})", path)]
    version = str(health.value.get("version", ""))
    if version != prober.__version__:
        said = f"the service is prober {version}, and this command {prober.__version__}"
        found.append(_socket("notice", said, path, "they may not understand each other", "systemctl restart prober"))
    try:
        return found, HostReport.model_validate(reply.value)
    except ValueError:
        why, todo = _NOT_ASKED, "systemctl restart prober"
        return [*found, _socket("problem", "what the service sees is told in another form", path, why, todo)], None


_START = "systemctl status prober says why; `prober serve` runs one in the foreground"


def _rights(path: Path) -> str:
    return f"SocketMode=0660 and SocketGroup= in prober.socket; {path.parent} needs the right x for those who ask"


def _lines(reports: list[HostReport], *, verbose: bool) -> Iterator[str]:
    """What a human reads: what is to be done first, then what is worth to know."""
    for report in reports:
        who = report.seen_by
        yield f"seen by the {who.kind}, as {who.user} ({', '.join(who.groups)}):"
        told = sorted(report.findings, key=lambda one: _ORDER[one.level])
        for one in told if verbose else [one for one in told if one.level != "ok"]:
            yield f"  {one.level:<8} {one.topic}: {one.what}" + (f" [{one.where}]" if one.where else "")
            if one.why:
                yield f"           why: {one.why}"
            if one.todo:
                yield f"           do:  {one.todo}"
        well = sum(one.level == "ok" for one in told)
        yield f"  ok       {well} things are as they should be" + ("" if verbose else " (--verbose names them)")
