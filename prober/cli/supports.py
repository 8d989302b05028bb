"""``prober supports``: one fact, and on what grounds."""

from __future__ import annotations

import json
from typing import Any

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.source import Source

_CODES = {"present": ExitCode.ok, "absent": ExitCode.absent, "unknown": ExitCode.unknown}


def run(source: Source, fact: str, *, as_json: bool) -> ExitCode:
    """Print the evidence; the exit code is the answer."""
    evidence = source.supports(fact)
    if as_json:
        output.write_json(evidence)
    else:
        output.write(format_evidence(evidence, source.name()))
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
    return [_line(key, text) for key, text in lines]


def _line(key: str, text: str) -> str:
    return f"  {key:<9} {text}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
