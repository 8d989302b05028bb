"""How a rehearsed hot-plug is told in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prober.cli import output
from prober.cli.check_argv import format_report

_OUT = {
    "gone": "gone",
    "waits": "waits for the guest to let go of it",
    "refused": "refused",
    "crashed": "QEMU ended of it",
    "not tried": "not tried",
}


def format_plug(told: dict[str, Any], *, verbose: bool = False) -> Iterator[str]:
    """The verdict in lines: each command and what came of it, how it is taken out again, and what was found.

    >>> told = {"verdict": "not provable", "ground": "checked", "reason": "no rule for it",
    ...          "version": {"major": 7, "minor": 2, "micro": 0, "package": ""},
    ...          "signal": "", "said": "", "command": 0, "option": None, "steps": [], "taken_out": [], "left_out": [],
    ...          "unplugged": [], "replaced": [], "findings": [], "line_findings": [], "warnings": [],
    ...          "undriven": []}
    >>> list(format_plug(told))
    ['not provable (ground: checked) by QEMU 7.2.0: no rule for it']
    """
    yield _headline(told)
    if told["said"] and not told["command"]:
        option = told["option"]
        where = f" of {option['position']}: {option['flag']} {option['part']}".rstrip() if option else ""
        yield f"  QEMU says{where}: {told['said']}"
    for step in told["steps"]:
        yield f"  {_step(step)}"
    for item in told["left_out"]:
        yield f"  left out: {_named(item)}: {item['why']}"
    if verbose:
        for item in told["replaced"]:
            yield f"  stood in for: {_named(item)}: {item['by']}"
    for out in (*told["taken_out"], *told["unplugged"]):
        yield f"  {_out(out)}"
    for findings in (told["findings"], told["line_findings"]):
        for line in format_report({"findings": findings, "left_off": 0}, verbose=verbose):
            yield f"  {line}"
    if verbose and told["driven"]:
        yield f"  driven: {', '.join(told['driven'])}"
    yield from (f"  {why}" for why in told["undriven"])
    for warning in told["warnings"]:
        yield f"  QEMU warns: {warning}"


def _headline(told: dict[str, Any]) -> str:
    text = f"{told['verdict']} (ground: {told['ground']}) by QEMU {output.dotted(told['version'])}"
    if told["signal"]:
        return f"{text}: this would have killed the guest ({told['signal']})"
    if told["reason"]:
        return f"{text}: {told['reason']}"
    how = [f"under {told['accelerator'].upper()}"] if told["accelerator"] else []
    if told["verdict"].startswith("rehearsed"):
        how.append(f"{told['readings']} {'value' if told['readings'] == 1 else 'values'} read back")
        how.append(f"{told['seconds']:.2f} s")
    return f"{text}: {', '.join(how)}" if how else text


def _step(step: dict[str, Any]) -> str:
    named = " ".join(word for word in (f"{step['number']}:", step["execute"], step["name"]) if word)
    more = " ".join(word for word in (step["said"], step["reason"], step["seen"]) if word)
    return f"{named}: {step['outcome']}{': ' if more else ''}{more}"


def _out(out: dict[str, Any]) -> str:
    text = _OUT[out["outcome"]]
    if out["outcome"] == "gone" and out["needs_guest"]:
        text = "gone; a guest that runs is asked for its consent"
    more = out["said"] or out["reason"]
    return f"{out['execute']} {out['name']}: {text}{': ' if more else ''}{more}"


def _named(item: dict[str, Any]) -> str:
    return " ".join(word for word in (f"{item['position']}:", item["flag"] or "(disk image)", item["part"]) if word)
