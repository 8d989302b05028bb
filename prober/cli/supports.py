"""``prober supports``: one fact, and on what grounds."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.choosing import choose
from prober.cli.exits import ExitCode
from prober.cli.options import Binary, Facts, Json, Quiet, Replies, Socket
from prober.errors import UsageError

#: Nothing near this size (bytes) is a list of facts; it keeps an endless file out of memory.
_READ_AT_MOST = 4 << 20

_CODES = {"present": ExitCode.ok, "absent": ExitCode.absent, "unknown": ExitCode.unknown}


def supports_command(
    facts: Facts,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Exit code: 0 present, 1 absent, 4 unknown (it was never asked, or asking killed QEMU). Of several facts: 1 where
    one is absent, else 4 where one is unknown, else 0; `--json` prints a list then.

    Example: `prober supports --binary /usr/bin/qemu-system-x86_64 PIIX4_PM.acpi-root-pci-hotplug`

    An option begins with a dash, so write `--` before it: `prober supports -- -overcommit.mem-lock`
    """
    output.hush(answer=quiet, words=quiet)
    raise typer.Exit(run_supports(choose(socket, binary, replies), facts, as_json=json))


def run_supports(answerer: Answerer, facts: Sequence[str], *, as_json: bool) -> ExitCode:
    """Print the evidence of each; the exit code is the answer.

    :raise UsageError: where stdin has no fact, or one is none.
    """
    named = _read_facts() if list(facts) == ["-"] else facts
    told = [answerer.supports(fact) for fact in named]
    if as_json:
        output.write_json(told if list(facts) == ["-"] or len(told) > 1 else told[0])
    else:
        name = answerer.name()
        output.write("\n\n".join(format_evidence(evidence, name) for evidence in told))
    codes = {_CODES[evidence["verdict"]] for evidence in told}
    return next((code for code in (ExitCode.absent, ExitCode.unknown) if code in codes), ExitCode.ok)


def _read_facts() -> list[str]:
    """The facts of stdin, one a line; an empty line is none.

    :raise UsageError: where there are none.
    """
    try:
        lines = sys.stdin.buffer.read(_READ_AT_MOST).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"<stdin>: cannot be read: {error}") from error
    facts = [line.strip() for line in lines if line.strip()]
    if not facts:
        raise UsageError("<stdin> has no facts", hint="write one a line")
    return facts


def format_evidence(evidence: dict[str, Any], qemu: str) -> str:
    """The evidence in lines: the verdict, then its grounds.

    >>> print(format_evidence({"fact": "a.b", "verdict": "unknown", "note": "never asked"}, "QEMU 7.2.0"))
    a.b: unknown
      of        QEMU 7.2.0
      because   never asked
    """
    return "\n".join([f"{evidence['fact']}: {evidence['verdict']}", _line("of", qemu), *format_grounds(evidence)])


def format_grounds(evidence: dict[str, Any]) -> list[str]:
    """Why the verdict is what it is, in lines."""
    lines = [("because", evidence["note"])]
    if evidence.get("command"):
        arguments = evidence.get("arguments")
        lines.append(("asked", evidence["command"] + (f" {_compact(arguments)}" if arguments else "")))
    if evidence.get("reply") is not None:
        lines.append(("answered", _compact(evidence["reply"])))
    if evidence.get("error"):
        lines.append(("error", evidence["error"]))
    if evidence.get("suggestions"):
        lines.append(("near", ", ".join(evidence["suggestions"])))
    return [_line(key, text) for key, text in lines]


def _line(key: str, text: str) -> str:
    return f"  {key:<9} {text}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
