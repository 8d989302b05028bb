"""``prober diff``: what an upgrade from one QEMU to another brings and takes away."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from prober.capabilities.diff import diff
from prober.capabilities.difference import Change, Difference, Group
from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.source import Source
from prober.cli.translate import format_shell, read_xml_file
from prober.errors import RefusedError, UnreadableDomainError

if TYPE_CHECKING:
    from prober.domain.domain import Domain
    from prober.translate.uses import DomainDifference, DomainSide

#: Of types that have a change in common, as many are named.
_NAMED = 3

_COUNTED = ("added", "removed", "changed", "deprecated", "undeprecated", "unknown")


def run(a: Source, b: Source, path: str | None, summary: bool, *, as_json: bool) -> ExitCode:
    """Print the difference; with the ``path`` of a domain, the part of it that the domain uses.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    """
    if path is None:
        difference = diff(a.capabilities(), b.capabilities())
        if as_json:
            output.write_json(difference.model_dump(mode="json"))
        else:
            _write(_header(a, b, difference), difference, summary)
        return ExitCode.ok
    file = "<stdin>" if path == "-" else path
    domain = _read_domain(path, file)
    if domain is None:
        return ExitCode.refused
    return _run_for(a, b, domain, file, summary, as_json=as_json)


def _run_for(a: Source, b: Source, domain: Domain, file: str, summary: bool, *, as_json: bool) -> ExitCode:
    from prober.translate.uses import compare_for, keep_used

    one, other = a.capabilities(), b.capabilities()
    binary = domain.emulator or f"/usr/bin/qemu-system-{other.target}"
    uses, sides = compare_for(domain, one, other, binary)
    difference = keep_used(diff(one, other), uses)
    lines = list(argv_changes(sides.a.argv, sides.b.argv))
    if as_json:
        output.write_json(
            {**difference.model_dump(mode="json"), "domain": {**sides.model_dump(mode="json"), "argv_changes": lines}}
        )
    else:
        told = [*_header(a, b, difference), *_domain_lines(sides, file, lines), ""]
        _write(told, difference, summary)
    return ExitCode.ok if sides.b.accepted else ExitCode.refused


def _read_domain(path: str, file: str) -> Domain | None:
    from prober.translate.read import read_domain

    try:
        return read_domain(read_xml_file(path))
    except RefusedError as error:
        for refusal in error.refusals:
            output.note(f"{file}:{refusal}")
        return None
    except UnreadableDomainError as error:
        place = f"{file}:{error.line}: " if error.line else ""
        raise UnreadableDomainError(f"{place}{error.message}", hint=error.hint, line=error.line) from error


def _header(a: Source, b: Source, difference: Difference) -> list[str]:
    lines = [f"A: {a.name()}", f"B: {b.name()}"]
    if difference.a.target != difference.b.target:
        lines.append(f"they are for different targets: {difference.a.target} and {difference.b.target}")
    if difference.accelerator is None:
        lines.append("they were asked under different accelerators: machines and CPU models may differ for that alone")
    compared = f"{difference.defaults_compared} of {difference.properties_compared}"
    return [*lines, f"defaults compared: {compared} properties that both have; of the others one tells none", ""]


def _write(lines: list[str], difference: Difference, summary: bool) -> None:
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


def _domain_lines(sides: DomainDifference, file: str, argv: list[str]) -> Iterator[str]:
    yield from _verdict("A", sides.a, file)
    yield from _verdict("B", sides.b, file)
    if argv:
        yield "the command line differs" + (":" if sides.a.accepted and sides.b.accepted else ", were it not refused:")
        yield from (f"  {line}" for line in argv)
    else:
        yield "the command line is the same"


def _verdict(name: str, side: DomainSide, file: str) -> Iterator[str]:
    yield f"{name} {'accepts' if side.accepted else 'refuses'} {file}" + ("" if side.accepted else ":")
    yield from (f"  {file}:{refusal}" for refusal in side.refusals)


def argv_changes(a: Iterable[str], b: Iterable[str]) -> Iterator[str]:
    """The options that differ, one a line, as a shell reads them: ``-`` what A has, ``+`` what B has."""
    one, other = ([line.removesuffix(" \\").strip() for line in format_shell(argv).splitlines()] for argv in (a, b))
    for line in difflib.ndiff(one, other):
        if line.startswith(("- ", "+ ")):
            yield line
