"""The command: which of its commands is called, and how every error ends.

The commands are rows (:mod:`prober.cli.commands`).  The help lists them as they stand there; the module of a command is
imported, and its options are declared, when it is called.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from prober.cli import output
from prober.cli.commands import COMMANDS, Command
from prober.cli.exits import ExitCode, exit_code
from prober.errors import ProberError


class _Rows(TyperGroup):
    """The commands of the rows."""

    def __init__(self, rows: Sequence[Command] = COMMANDS, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._rows = rows
        for row in rows:
            self.add_command(TyperCommand(row.name, help=row.summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, and declare it."""
        name, _, rest = super().resolve_command(ctx, args)
        row = next(row for row in self._rows if row.name == name)
        return name, declare(row), rest


def declare(row: Command) -> Any:
    """A command with its options, as its function has them; or a group of commands."""
    if row.within:
        text = inspect.getdoc(importlib.import_module(row.module))
        help_text = f"{row.summary}\n\n{text}"
        return _Rows(row.within, name=row.name, help=help_text, no_args_is_help=True, rich_markup_mode="markdown")
    function = getattr(importlib.import_module(row.module), row.function)
    info = CommandInfo(
        row.name,
        callback=function,
        context_settings=dict(row.settings),
        help=f"{row.summary}\n\n{inspect.getdoc(function)}",
    )
    return get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode="markdown")


app = typer.Typer(
    name="prober",
    cls=_Rows,
    help="""Ask QEMU binaries what they can do, and turn libvirt domain XML into command lines that they accept.

    Three places can answer: a running service (`--socket`), a QEMU binary that is asked here and now
    (`--binary`), and a recording of an earlier interview (`--replies`). Without any of the
    three, the service on /run/prober/prober.sock is asked, or else the one on run/prober.sock.

    Exit codes: 0 done, or present; 1 absent; 2 wrong usage or unreadable input; 3 the domain is refused, or the
    command line has faults; 4 unknown; 5 QEMU or the service failed.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        output.write(f"prober {version('qemu-prober')}")
        raise typer.Exit


@app.callback()
def prober(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The options of the command itself; its help stands above."""


def main() -> None:
    """The entry point: run a command, and end with its exit code.

    An error ends with ``prober: message`` and ``hint: …`` on stderr, never with a traceback, unless the environment
    variable ``PROBER_DEBUG`` asks for one.

    :raise SystemExit: always.
    """
    if sys.stdout is None:  # Whoever closed it wants no answer.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the life of the process
    try:
        app(prog_name="prober")
    except ProberError as error:
        if os.environ.get("PROBER_DEBUG"):
            raise
        output.complain(error.message, error.hint)
        raise SystemExit(exit_code(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.interrupted) from None
    except Exception as error:
        # The last net: an error that nobody foresaw is a mistake of ours, and still no reason for a traceback.
        if os.environ.get("PROBER_DEBUG"):
            raise
        output.complain(
            f"an error that was not foreseen: {type(error).__name__}: {error}",
            "this is a mistake in prober; PROBER_DEBUG=1 shows where it happened",
        )
        raise SystemExit(ExitCode.failed) from None
