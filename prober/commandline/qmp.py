"""What an option makes at the start, a QMP command makes of a machine that runs: the one turned into the other.

``device_add`` takes what ``-device`` takes, ``object-add``, ``netdev_add`` and ``blockdev-add`` what their options take
in JSON; ``chardev-add`` has a tree where ``-chardev`` has flat keys (:mod:`prober.commandline.chardev_tree`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities import Capabilities
from prober.commandline.chardev_tree import backend_tree
from prober.commandline.check import check_each
from prober.commandline.json_text import has_too_many_levels, read_json
from prober.commandline.line import Line
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Qapi, Raw, Value, Written
from prober.commandline.references import check_references
from prober.commandline.refusal import Finding, Kind, Position
from prober.commandline.text import Text
from prober.errors import UsageError

#: The commands that plug something in, and the options that make the same.
PLUGS: Mapping[str, str] = MappingProxyType(
    {
        "device_add": "-device",
        "object-add": "-object",
        "netdev_add": "-netdev",
        "blockdev-add": "-blockdev",
        "chardev-add": "-chardev",
    }
)

#: What takes it out again, and the member that names it.
TAKES_OUT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "device_add": ("device_del", "id"),
        "object-add": ("object-del", "id"),
        "netdev_add": ("netdev_del", "id"),
        "blockdev-add": ("blockdev-del", "node-name"),
        "chardev-add": ("chardev-remove", "id"),
    }
)

#: Until this version ``device_add`` made texts of all values, so that each could be written as one (QEMU 9.2,
#: ``system/qdev-monitor.c``, ``qmp_device_add``).
_TYPED_SINCE = (9, 2, 0)


class QmpCommand(BaseModel):
    """One command of QMP with its arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execute: str
    arguments: dict[str, JsonValue] = {}

    @property
    def name(self) -> str:
        """The id of what it makes or takes away; empty where it has none."""
        for member in ("id", "node-name"):
            value = self.arguments.get(member)
            if isinstance(value, str):
                return value
        return ""

    def text(self) -> str:
        """As it is sent."""
        return json.dumps({"execute": self.execute, "arguments": self.arguments})


def read_command(text: str) -> QmpCommand:
    """A command as somebody wrote it: ``{"execute": …, "arguments": {…}}``; an ``id`` of its own counts for nothing.

    :raise UsageError: where it is none.
    """
    hint = 'write {"execute":"device_add","arguments":{"driver":"virtio-net-pci","id":"n1"}}'
    try:
        tree = None if has_too_many_levels(text) else read_json(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"a QMP command is not JSON: {error}", hint=hint) from error
    if not isinstance(tree, dict) or not isinstance(tree.get("execute"), str):
        raise UsageError("a QMP command is a JSON object with execute", hint=hint)
    arguments = tree.get("arguments", {})
    if not isinstance(arguments, dict) or tree.keys() - {"execute", "arguments", "id"}:
        raise UsageError("a QMP command has execute and arguments, and nothing else", hint=hint)
    return QmpCommand(execute=tree["execute"], arguments=arguments)


def command_of(option: Option | Raw) -> QmpCommand | None:
    """The command that makes of a running machine what the option makes at the start; None where there is none."""
    match option:
        case DeviceOption():
            return _command("device_add", {"driver": option.driver, **option.values})
        case Object():
            members = {item.name: item.value for item in option.properties}
            return _command("object-add", {"qom-type": option.qom_type, "id": option.id, **members})
        case Qapi() if option.command in PLUGS:
            return _command(option.command, option.value)
        case Keyval(flag="-chardev"):
            flat = {item.name: _word(item.value) for item in option.pairs}
            ident = flat.pop("id", "")
            backend = backend_tree(option.first, flat)
            return None if backend is None else _command("chardev-add", {"id": ident, "backend": backend})
    return None


def _word(value: Value) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _command(execute: str, arguments: Mapping[str, Value]) -> QmpCommand:
    # Texts of kinds of our own are plain ones to JSON.
    return QmpCommand(execute=execute, arguments=json.loads(json.dumps(dict(arguments))))


def check_commands(
    commands: list[QmpCommand],
    caps: Capabilities,
    *,
    options: Iterable[Option] | None = None,
    assume_unknown_present: bool = False,
) -> list[Finding]:
    """Each command held against what the binary says of itself; and, where the ``options`` of the machine's line are
    given, what it names against what these and the commands make.

    The place of a finding is the number of the command, from 1, in the place of a word, and its name.
    """
    found: list[Finding] = []
    made: list[Option] = []
    for number, command in enumerate(commands, 1):
        place = Position(number, command.execute)
        found += _lacking(command, caps, place)
        option = None if found and found[-1].place == place else _option_of(command, caps, place)
        if isinstance(option, Finding):
            found.append(option)
        elif option is not None:
            made.append(option)
            found += check_each([option], caps, assume_unknown_present=assume_unknown_present, written=[None])
    return [*found, *(_dangling(made, options, caps) if options is not None else ())]


def _dangling(made: list[Option], options: Iterable[Option], caps: Capabilities) -> Iterator[Finding]:
    """What commands name that nothing made; that an id is given twice is no fault, as it may be taken away between."""
    ours = {option.place for option in made if not isinstance(option, Global)}
    for finding in check_references(Line.of([*options, *made], caps)):
        if finding.rule == "line/reference" and finding.place in ours:
            words = "which is neither on the command line nor made by a command"
            message = finding.message.replace("which is not on this command line", words)
            yield finding.model_copy(update={"message": message})


def _lacking(command: QmpCommand, caps: Capabilities, place: Position) -> Iterator[Finding]:
    """Whether the binary has such a command at all, where it told of its commands."""
    schema = caps.schema_
    if schema is not None and schema.command(command.execute) is None:
        message = f"QEMU {caps.version} has no command {command.execute[:80]!r}"
        yield Finding(kind=Kind.error, place=place, message=message, rule="option/command")


def _option_of(command: QmpCommand, caps: Capabilities, place: Position) -> Option | Finding | None:
    """The option that makes the same, or what is missing of it; None where none does."""
    values: dict[str, Any] = dict(command.arguments)
    match command.execute:
        case "device_add":
            driver = values.pop("driver", None)
            if not isinstance(driver, str):
                return _missing("driver", place)
            if caps.version.numbers < _TYPED_SINCE:
                values = {name: _as_text(value) for name, value in values.items()}
            return DeviceOption(driver, Written(values, place), place)
        case "object-add":
            props = values.pop("props", None)
            if isinstance(props, dict) and not caps.has("object-add.qom-type.memory-backend-ram"):
                values |= props
            elif props is not None:
                values["props"] = props
            for name in ("qom-type", "id"):
                if not isinstance(values.get(name), str):
                    return _missing(name, place)
            qom_type, ident = values.pop("qom-type"), values.pop("id")
            return Object(qom_type, ident, tuple(Written(values, place)), place)
        case "netdev_add" | "blockdev-add" | "chardev-add":
            implied = {"netdev_add": "type", "blockdev-add": "driver"}.get(command.execute, "backend")
            return Qapi(PLUGS[command.execute], command.execute, implied, values, place)
    return None


def _as_text(value: Any) -> Any:
    return Text(_word(value)) if isinstance(value, bool | int | str) else value


def _missing(name: str, place: Position) -> Finding:
    return Finding(kind=Kind.error, place=place, part=name, message=f"{name} is missing", rule="option/missing")
