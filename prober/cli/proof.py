"""How a proof is told: in lines, and by the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prober.cli import output
from prober.cli.check_argv import format_report
from prober.cli.exits import ExitCode

#: The exit code of each verdict.
_CODES = {
    "proven": ExitCode.ok,
    "proven in part": ExitCode.ok,
    "refused": ExitCode.refused,
    "not provable": ExitCode.unknown,
}


def exit_of(proof: dict[str, Any], *, whole: bool) -> ExitCode:
    """The exit code of a verdict; ``whole`` is for whom a part is not enough."""
    if whole and proof["verdict"] == "proven in part":
        return ExitCode.unknown
    return _CODES[proof["verdict"]]


def format_proof(proof: dict[str, Any], *, verbose: bool = False) -> Iterator[str]:
    """The verdict in lines: what it is and on what ground, QEMU's words and their option, what was left out, and what
    QEMU ignored; ``verbose`` adds what stood in for what.

    >>> proof = {"verdict": "not provable", "ground": "checked", "reason": "no rule for option -x",
    ...          "version": {"major": 7, "minor": 2, "micro": 0, "package": ""}, "seconds": 0.0, "said": "",
    ...          "option": None, "left_out": [], "replaced": [], "findings": [], "warnings": [], "hotplug": []}
    >>> list(format_proof(proof))
    ['not provable (ground: checked) by QEMU 7.2.0: no rule for option -x']
    """
    yield _headline(proof)
    if proof["said"]:
        yield f"  QEMU says{_where(proof['option'])}: {proof['said']}"
    for item in proof["left_out"]:
        yield f"  left out: {_named(item)}: {item['why']}"
    if verbose:
        for item in proof["replaced"]:
            yield f"  stood in for: {_named(item)}: {item['by']}"
        for live in proof["hotplug"]:
            yield f"  live: {live['name']} = {output.one_line_json(live['value'])}"
    for line in format_report({"findings": proof["findings"], "left_off": 0}, verbose=verbose):
        yield f"  {line}"
    for warning in proof["warnings"]:
        yield f"  QEMU warns: {warning}"


def _headline(proof: dict[str, Any]) -> str:
    text = f"{proof['verdict']} (ground: {proof['ground']}) by QEMU {output.dotted(proof['version'])}"
    if proof["reason"]:
        return f"{text}: {proof['reason']}"
    how = [f"under {proof['accelerator'].upper()}"] if proof["accelerator"] else []
    if proof["verdict"].startswith("proven"):
        how.append(f"{proof['readings']} {'value' if proof['readings'] == 1 else 'values'} read back")
        how.append("remembered" if proof["remembered"] else f"{proof['seconds']:.2f} s")
    return f"{text}: {', '.join(how)}" if how else text


def _named(item: dict[str, Any]) -> str:
    return " ".join(word for word in (f"{item['position']}:", item["flag"] or "(disk image)", item["part"]) if word)


def _where(option: dict[str, Any] | None) -> str:
    return f" of {_named(option)}" if option else ""
