"""``prober show``: a walk through what a QEMU can do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from prober.cli import output
from prober.cli.answerer import Answerer, Json
from prober.cli.choosing import choose
from prober.cli.options import Binary, Replies, Socket
from prober.cli.options import Json as JsonOption
from prober.errors import UsageError
from prober.service.routes import COMMAND, COMMANDS, CPUS, HOST, MACHINES, TYPE, TYPES, Route


class What(StrEnum):
    """What there is to show."""

    summary = "summary"
    types = "types"
    type = "type"
    machines = "machines"
    cpus = "cpus"
    commands = "commands"
    command = "command"
    host = "host"


def show_command(
    what: Annotated[What, typer.Argument(help="What to show.")] = What.summary,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="For `show type NAME` and `show command NAME`.")
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    json: JsonOption = False,
) -> None:
    """Against a service without `--binary`, the summary is of all binaries that it serves.

    Example: `prober show --binary /usr/bin/qemu-system-x86_64 type PIIX4_PM`
    """
    run_show(choose(socket, binary, replies), what, name, as_json=json)


def run_show(answerer: Answerer, what: What, name: str | None, *, as_json: bool) -> None:
    """Print one of summary, types, type NAME, machines, cpus, commands, command NAME and host.

    :raise UsageError: where a name is missing or one too many, or this QEMU cannot tell.
    """
    if (name is not None) != (what in _NAMED):
        raise UsageError(
            f"`show {what}` takes the name of a {what}" if what in _NAMED else f"`show {what}` takes no name",
            hint="for one: prober show type NAME, prober show command NAME; for all: prober show types, …",
        )
    match what:
        case What.summary:
            _show_summaries(answerer.summaries(), as_json)
        case What.types:
            _show_types(answerer.tell(TYPES), as_json)
        case What.type:
            _show_type(answerer.tell(TYPE, typename=name or ""), as_json)
        case What.machines:
            _show_list(_items(answerer, MACHINES, "machines", "machines"), _MACHINES, as_json)
        case What.cpus:
            _show_list(_items(answerer, CPUS, "cpus", "CPU models"), _CPUS, as_json)
        case What.commands:
            _show_commands(answerer.tell(COMMANDS), as_json)
        case What.command:
            _show_command(answerer.tell(COMMAND, command=name or ""), as_json)
        case What.host:
            _show_host(answerer.tell(HOST), as_json)


_NAMED = (What.type, What.command)

#: What only the binary itself can list, and what stands for it where that was not asked.
_LISTED = ("displays", "audio_drivers")
_UNKNOWN = "unknown: the binary was not asked, or does not list them"
_NOT_ASKED = "unknown: this host could not be asked"
_MACHINES = ("name", "alias", "is_default", "cpu_max", "hotpluggable_cpus", "acpi", "deprecated")
_CPUS = ("name", "typename", "migration_safe", "alias_of", "deprecated", "unavailable_features")


def _items(answerer: Answerer, route: Route, key: str, noun: str) -> list[Json]:
    """What is listed by name under ``key``, in order.

    :raise UsageError: where QEMU was never asked for it.
    """
    items = answerer.tell(route)[key]
    if items is None:
        raise UsageError(f"this QEMU was never asked for its {noun}")
    return sorted(items.values(), key=_in_order)


def _show_summaries(summaries: list[dict[str, Any]], as_json: bool) -> None:
    """One QEMU in lines, several in a table."""
    if as_json:
        output.write_json(summaries)
        return
    # Their last words are long; `show type NAME` has them.
    summaries = [{**one, "crashing_types": sorted(one["crashing_types"])} for one in summaries]
    if len(summaries) == 1:
        told = {key: _UNKNOWN if key in _LISTED and value is None else value for key, value in summaries[0].items()}
        rows = [(key.replace("_", " "), _cell(value)) for key, value in told.items() if value not in (None, {}, [])]
        output.write_table(("what", "value"), rows)
    else:
        columns = ("id", "path", "version", "targets", "state", "source", "seconds", "crashing_types", "error")
        _show_list(summaries, columns, as_json)


def _show_types(types: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.write_json(types)
        return
    if types["types"] is None:
        raise UsageError("the list of types was never asked of this QEMU")
    rows = [(name, parent, "") for name, parent in types["types"].items()]
    rows += [(name, parent, "abstract") for name, parent in (types["abstract_types"] or {}).items()]
    output.write_table(("type", "parent", ""), ((name, parent or "", more) for name, parent, more in sorted(rows)))


def _show_type(described: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.write_json(described)
        return
    kind = "abstract type" if described["abstract"] else "type"
    output.write(f"{described['name']}: {kind}" + (f", a {described['parent']}" if described["parent"] else ""))
    if described["asked_as"]:
        output.write(f"QEMU was asked for {described['asked_as']}, which has the same class")
    if described["error"]:
        output.write(("asking kills QEMU: " if described["crashed"] else "QEMU's answer: ") + described["error"])
    elif described["properties"] is None:
        output.write("its properties were never asked")
    else:
        columns = ("name", "type", "default_value", "description")
        _show_list(sorted(described["properties"], key=lambda one: str(one["name"])), columns, as_json)


def _show_commands(listed: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.write_json(listed)
        return
    if listed["commands"] is None:
        raise UsageError("the list of QMP commands was never asked of this QEMU")
    rows = [(name, "command") for name in listed["commands"]] + [(name, "event") for name in listed["events"] or ()]
    output.write_table(("name", ""), rows)


def _show_command(described: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.write_json(described)
        return
    words = "QMP command, deprecated" if described["deprecated"] else "QMP command"
    output.write(
        f"{described['name']}: {words}" + (f", returns {described['returns']}" if described["returns"] else "")
    )
    if described["members"] is None:
        output.write("no schema tells its arguments (QEMU before 2.5)")
    elif not described["members"]:
        output.write("it takes no arguments")
    else:
        output.write("\n".join(_tree(described["members"], 1)))


def _show_host(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.write_json(facts)
        return
    processor = facts.pop("processor") or {}
    told = {"kernel": facts.pop("kernel"), **{f"processor {name}": value for name, value in processor.items()}, **facts}
    told["huge_pages"] = None if told["huge_pages"] is None else [f"{size} KiB" for size in told["huge_pages"]]
    rows = [(name.replace("_", " "), _NOT_ASKED if value is None else _cell(value)) for name, value in told.items()]
    output.write_table(("what", "value"), rows)


def _tree(members: list[dict[str, Any]], depth: int) -> Iterator[str]:
    """Members in lines, each below what it belongs to; ``?`` marks one that may be left out.

    What a tag brings (``driver=file``) stands below a line of that tag's own.
    """
    indent, tags = "  " * depth, ()
    for member in members:
        when = tuple(member["when"])
        if when != tags:
            tags = when
            if when:
                yield f"{indent}where {', '.join(when)}:"
        inner = indent + ("  " if when else "")
        optional = "?" if member["optional"] else ""
        values = "|".join(
            value["name"] + (" (deprecated)" if value["deprecated"] else "") for value in member["values"]
        )
        features = f" [{', '.join(member['features'])}]" if member["features"] else ""
        same = f" (as {member['same_as']})" if member["same_as"] else ""
        yield f"{inner}{member['name']}{optional}: {member['type']}{f' {values}' if values else ''}{features}{same}"
        yield from _tree(member["members"], depth + (2 if when else 1))


def _show_list(items: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    if as_json:
        output.write_json(items)
    else:
        headers = [column.removesuffix("_value").replace("_", " ") for column in columns]
        output.write_table(headers, ([_cell(item.get(column)) for column in columns] for item in items))


def _in_order(item: dict[str, Any]) -> list[tuple[int, str]]:
    """Names in order, numbers in them by their value: pc-q35-9.2 before pc-q35-10.0."""
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", str(item["name"]))]


def _cell(value: Any) -> str:
    """A value as a human reads it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.2f}"
        case {"major": major, "minor": minor, "micro": micro}:
            return f"{major}.{minor}.{micro}"
        case dict() if all(isinstance(item, (int, float, str)) for item in value.values()):
            return _join(f"{key} ({_cell(item)})" for key, item in value.items())
        case list() if all(isinstance(item, str) for item in value):
            return _join(value)
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _join(words: Iterable[str]) -> str:
    return ", ".join(words)
