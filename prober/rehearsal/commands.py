"""The commands of a rehearsal as options, so that stand-ins come in; and back into what is sent to the machine."""

from __future__ import annotations

import json
from typing import Any

from pydantic import JsonValue

from prober.commandline.chardev_tree import backend_tree, flat_chardev
from prober.commandline.qmp import PLUGS, TAKES_OUT, QmpCommand
from prober.commandline.render import escape
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import JsonMembers, PairMembers

#: The members of a netdev that are descriptors (``qapi/net.json``).
_DESCRIPTORS = ("fd", "fds", "vhostfd", "vhostfds")

#: The commands that take something away, and what goes along with a device that is plugged in.
_OTHERS = frozenset((*(command for command, _ in TAKES_OUT.values()), "watchdog-set-action"))


def reason_against(command: QmpCommand) -> str:
    """Why a command is not sent, whatever it says; empty where it may be."""
    if command.execute in _OTHERS or as_option(command) is not None:
        return ""
    if command.execute in PLUGS:
        return f"no rule for all members of this {command.execute}"
    return f"no rule for the command {command.execute[:80]}: what is sent plugs something in, or takes it out"


def as_option(command: QmpCommand) -> tuple[str, str] | None:
    """The flag and the value of the option that makes the same; None where none does."""
    flag = PLUGS.get(command.execute)
    if flag is None:
        return None
    if command.execute != "chardev-add":
        return flag, json.dumps(_flat(command))
    ident, backend = command.arguments.get("id"), command.arguments.get("backend")
    flat = flat_chardev(backend) if isinstance(backend, dict) else None
    if flat is None or not isinstance(ident, str) or command.arguments.keys() - {"id", "backend"}:
        return None
    kind = flat.pop("backend")
    return flag, ",".join([escape(kind), f"id={escape(ident)}", *(f"{key}={escape(flat[key])}" for key in flat)])


def _flat(command: QmpCommand) -> dict[str, JsonValue]:
    """The arguments; of an object those that QEMU 5.2 took in ``props`` beside the others."""
    arguments = dict(command.arguments)
    props = arguments.get("props")
    if command.execute == "object-add" and isinstance(props, dict):
        del arguments["props"]
        arguments |= props
    if command.execute == "netdev_add":
        arguments |= {name: _numbered(arguments[name]) for name in _DESCRIPTORS if name in arguments}
    return arguments


def _numbered(value: JsonValue) -> JsonValue:
    """Descriptors as an option has them, by numbers; a command may name each as ``getfd`` did."""
    if not isinstance(value, str):
        return value
    return ":".join(part if part.isdecimal() else "3" for part in value.split(":"))


def to_send(command: QmpCommand, given: Given | None, bench: Bench) -> QmpCommand:
    """The command with what stands in for its parts; as it was written where nothing does."""
    if given is None or not any(item.position == given.position for item in bench.replaced):
        return command
    arguments: dict[str, Any] = {}
    members = given.members
    if isinstance(members, JsonMembers) and isinstance(members.tree, dict):
        arguments = dict(members.tree)
        if isinstance(command.arguments.get("props"), dict):
            own: dict[str, Any] = {name: arguments.pop(name) for name in ("qom-type", "id") if name in arguments}
            arguments = {**own, "props": arguments}
    elif isinstance(members, PairMembers):
        flat = {pair.key: pair.value for pair in members.pairs}
        backend = backend_tree(flat.pop("backend", ""), {name: flat[name] for name in flat if name != "id"})
        arguments = {"id": flat.get("id", ""), "backend": backend}
    return QmpCommand(execute=command.execute, arguments=arguments)
