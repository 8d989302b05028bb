"""``prober config``: the settings of the service, where each was told, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.options import Binaries, Directories, Fallbacks, Json, Served, Settings
from prober.cli.served import AccelServed, AdminGroup, Cache, Config, Group, Listen, ProverSocket, settings_told
from prober.errors import UsageError
from prober.host.files import DEFAULT_FILE as HOST_FILE
from prober.host.files import read_host
from prober.service.configuration import Configuration, ToldSetting, read_configuration
from prober.service.settings_file import SettingProblem


def config_command(
    check: Annotated[bool, typer.Option("--check", help="Tell all that is wrong, and nothing else.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print each setting, and where it was told. [this is the default]")
    ] = False,
    as_json: Json = False,
    config: Config = None,
    settings: Settings = None,
    socket: Listen = None,
    group: Group = None,
    cache: Cache = None,
    directory: Directories = None,
    binary: Binaries = None,
    replies: Served = None,
    fallback_replies: Fallbacks = None,
    accel: AccelServed = None,
    admin_group: AdminGroup = None,
    prover_socket: ProverSocket = None,
) -> None:
    """It takes the options of `prober serve`, and looks where that would look: the command line stands over the
    environment (`PROBER_CATALOG__POLL_S` for `poll_s` below `[catalog]`), and that over the file.

    Exit codes: 0 all is well; 2 a file cannot be read as TOML; 3 a setting is not known, or has a value that it cannot
    have.

    Example: `prober config --check`
    """
    if check and show:
        raise UsageError("--check and --show exclude one another", hint="choose one")
    told = settings_told(
        settings=settings,
        socket=socket,
        group=group,
        admin_group=admin_group,
        prover_socket=prover_socket,
        cache=cache,
        directory=directory,
        binary=binary,
        replies=replies,
        fallback_replies=fallback_replies,
        accel=accel,
    )
    read = _with_host(read_configuration(config, told))
    if as_json:
        output.write_json(_as_json(read, with_settings=not check))
    elif not check and not read.problems:
        rows = ((one.key, _shown(one), one.where) for one in read.told)
        output.write_table(("key", "value", "told by"), rows)
    if not as_json:
        for problem in (*read.problems, *read.unknown):
            output.note(str(problem))
        if check and not read.problems:
            output.note(f"the settings are well: {read.file or 'no file, the environment and defaults'}")
    raise SystemExit(_code(read))


def _with_host(read: Configuration) -> Configuration:
    """With what is wrong in the host's own file, which the service reads as well."""
    if read.settings is None:
        return read
    file = read.settings.host
    try:
        read_host(file)
    except UsageError as error:
        place = str(file or HOST_FILE)
        problem = SettingProblem(place, "", error.message, error.hint, unreadable="cannot read" in error.message)
        return replace(read, problems=(*read.problems, problem))
    return read


def _code(read: Configuration) -> ExitCode:
    if any(problem.unreadable for problem in read.problems):
        return ExitCode.usage
    return ExitCode.refused if read.problems else ExitCode.ok


def _as_json(read: Configuration, *, with_settings: bool) -> dict[str, Any]:
    told = {
        "file": str(read.file) if read.file else None,
        "problems": [_problem(problem) for problem in read.problems],
        "unknown": [_problem(problem) for problem in read.unknown],
    }
    return {**told, "settings": [one._asdict() for one in read.told]} if with_settings else told


def _problem(problem: SettingProblem) -> dict[str, str]:
    return {"place": problem.place, "key": problem.key, "message": problem.message, "hint": problem.hint}


def _shown(one: ToldSetting) -> str:
    value = one.value
    if one.key == "mode":
        return f"{value:#o}"
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
