"""A difference between two QEMUs, as a human reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from prober.capabilities.difference import Change, Difference, Group
from prober.cli import output
from prober.cli.answerer import Answerer

#: Of types that have a change in common, as many are named.
_NAMED = 3

_COUNTED = ("added", "removed", "changed", "deprecated", "undeprecated", "unknown")


def header_lines(a: Answerer, b: Answerer, difference: Difference) -> list[str]:
    """Whom a difference is between, and how far what they say can be compared; then an empty line."""
    lines = [f"A: {a.name()}", f"B: {b.name()}"]
    if difference.a.target != difference.b.target:
        lines.append(f"they are for different targets: {difference.a.target} and {difference.b.target}")
    if difference.accelerator is None:
        lines.append("they were asked under different accelerators: machines and CPU models may differ for that alone")
    compared = f"{difference.defaults_compared} of {difference.properties_compared}"
    return [*lines, f"defaults compared: {compared} properties that both have; of the others one tells none", ""]


def write_difference(lines: list[str], difference: Difference, summary: bool) -> None:
    """Write the lines of its header, a table of the counts, and unless a ``summary`` is wanted each change."""
    rows = [
        (group.name, *({**group.counts, "unknown": group.unknown}.get(kind) or "" for kind in _COUNTED))
        for group in difference.groups
        if group.changes or group.unknown
    ]
    output.write("\n".join(lines[:-1]))
    if not rows:
        output.write("no difference")
        return
    output.write("")
    output.write_table(("what", *_COUNTED), rows)
    if not summary:
        for group in difference.groups:
            if group.changes:
                output.write("\n".join(["", f"{group.name}:", *(f"  {line}" for line in format_group(group))]))


def format_group(group: Group) -> Iterator[str]:
    """The changes in lines; a change that many types have in common is one of them."""
    together: dict[str, list[Change]] = {}
    for change in group.changes:
        key = _common(change) if change.of else _line(change.fact, change)
        together.setdefault(key, []).append(change)
    for line, changes in together.items():
        if len(changes) == 1 or not changes[0].of:
            yield _line(changes[0].fact, changes[0])
        else:
            named = ", ".join(change.of for change in changes[:_NAMED])
            more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
            yield f"{line} (of {named}{more})"


def _common(change: Change) -> str:
    return _line(change.fact.removeprefix(f"{change.of}."), change)


def _line(name: str, change: Change) -> str:
    where = f" (where {', '.join(change.when)})" if change.when else ""
    match change.kind:
        case "added":
            return f"+ {name}{where}"
        case "removed":
            return f"- {name}{where}"
        case "changed":
            return f"~ {name}{where}: {change.what} {_value(change.a)} -> {_value(change.b)}"
        case "deprecated":
            return f"! {name}{where}: deprecated"
        case _:
            return f"! {name}{where}: no longer deprecated"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
