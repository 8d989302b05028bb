"""``prober supports``: one fact, and on what grounds."""

from __future__ import annotations

import json
from typing import Any

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.choosing import choose
from prober.cli.exits import ExitCode
from prober.cli.options import Binary, Fact, Json, Replies, Socket

_CODES = {"present": ExitCode.ok, "absent": ExitCode.absent, "unknown": ExitCode.unknown}


def supports_command(
    fact: Fact, socket: Socket = None, binary: Binary = None, replies: Replies = None, json: Json = False
) -> None:
    """Exit code: 0 present, 1 absent, 4 unknown (it was never asked, or asking killed QEMU).

    Example: `prober supports --binary /usr/bin/qemu-system-x86_64 PIIX4_PM.acpi-root-pci-hotplug`

    An option begins with a dash, so write `--` before it: `prober supports -- -overcommit.mem-lock`
    """
    raise typer.Exit(run_supports(choose(socket, binary, replies), fact, as_json=json))


def run_supports(answerer: Answerer, fact: str, *, as_json: bool) -> ExitCode:
    """Print the evidence; the exit code is the answer."""
    evidence = answerer.supports(fact)
    if as_json:
        output.write_json(evidence)
    else:
        output.write(format_evidence(evidence, answerer.name()))
    return _CODES[evidence["verdict"]]


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
