"""The command: which of its commands is called, and how every error ends.

The commands are rows (:mod:`prober.cli.commands`).  The help lists them as they stand there; the module of a command is
imported, and its options are declared, when it is called.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from prober import __version__
from prober.cli import output
from prober.cli.commands import COMMANDS, Command
from prober.cli.overview import ABOUT, show_overview
from prober.cli.running import run_guarded


class _Rows(TyperGroup):
    """The commands of the rows."""

    def __init__(self, rows: Sequence[Command] = COMMANDS, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._rows = rows
        for row in rows:
            self.add_command(TyperCommand(row.name, help=row.summary))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """That of the command itself is drawn without a parser, so that it looks the same with one and without."""
        if ctx.parent is None:
            show_overview()
        else:
            super().format_help(ctx, formatter)

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
    help="\n\n".join(ABOUT),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        output.write(f"prober {__version__}")
        raise typer.Exit


@app.callback()
def prober(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The options of the command itself; its help stands above."""


def main() -> None:
    """The entry point: run a command, and end with its exit code, as :mod:`prober.cli.running` has it.

    :raise SystemExit: always.
    """
    if os.environ.get("NO_COLOR"):
        # Typer's own switch, for what it draws: rich alone leaves its bold.  Read when it is loaded, if it is at all.
        os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
    run_guarded(lambda: app(prog_name="prober"))
