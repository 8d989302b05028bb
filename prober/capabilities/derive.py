"""From a recording to the fields of :class:`~prober.capabilities.Capabilities`.

A recording is input like any other: a reply of another form than QEMU promises is a
:class:`~prober.errors.RecordingError` that names the question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic_core import to_json

from prober.capabilities.backends import read_listed, read_machine
from prober.capabilities.drivers import read_drivers
from prober.capabilities.sound import require_sound
from prober.errors import RecordingError
from prober.qemu.drivers import COMMAND as ASK_MONITOR
from prober.qemu.families import cpu_family
from prober.qemu.recording import CRASHED, HELP, ErrorReply, Exchange, Part, Recording, question_key
from prober.qemu.replies import PROPERTY_COMMANDS


def derive(recording: Recording) -> dict[str, Any]:
    """All fields, ready to be validated."""
    main = recording.parts[0]
    version = _reply(main, "query-version")
    if version is None:
        raise RecordingError("the recording does not say its QEMU version: query-version was not answered")
    return _fields(recording, main, version)


def _fields(recording: Recording, main: Part, version: Any) -> dict[str, Any]:
    with _reading("query-version"):
        numbers = {**version["qemu"], "package": version.get("package", "").strip().strip("()")}
    with _reading("query-target"):
        target = (_reply(main, "query-target") or {"arch": "unknown"})["arch"]
    with _reading("query-kvm"):
        kvm = _reply(main, "query-kvm")
        kvm = kvm and {"present": kvm["present"], "enabled": kvm["enabled"]}
    with _reading("query-qmp-schema"):
        schema = _checked_schema(_reply(main, "query-qmp-schema"))
    with _reading("query-commands"):
        commands = _commands(schema, _reply(main, "query-commands"))
    with _reading("query-command-line-options"):
        options = _options(_reply(main, "query-command-line-options"))
    with _reading("qom-list-types"):
        types = _types(main)
        _require_names(*types)
    with _reading("query-migrate-capabilities"):
        migration = _names(_reply(main, "query-migrate-capabilities"), "capability")
    with _reading("query-gic-capabilities"):
        gic = _gic(_reply(main, "query-gic-capabilities"))
    with _reading(HELP):
        listed = read_listed(main.every(HELP))
    with _reading(ASK_MONITOR):
        drivers = read_drivers(main.every(ASK_MONITOR))
    pool, properties = _properties(main)
    return {
        "version": numbers,
        "target": target,
        "kvm": kvm,
        "commands": commands,
        "options": options,
        "types": types[0],
        "abstract_types": types[1],
        "pool": pool,
        "properties": properties,
        "families": _families(types[0], properties),
        "accelerators": _accelerators(recording, kvm),
        "tpm_models": _reply(main, "query-tpm-models"),
        "tpm_types": _reply(main, "query-tpm-types"),
        "migration_capabilities": migration,
        "sev": _reply(main, "query-sev-capabilities"),
        "sgx": _reply(main, "query-sgx-capabilities"),
        "gic": gic,
        "schema_text": None if schema is None else _compact(schema),
        "listed": listed,
        "drivers": drivers,
    }


#: What is raised where a reply has another form than is read here.
_ODD = (KeyError, TypeError, AttributeError, ValueError)


@contextmanager
def _reading(command: str) -> Iterator[None]:
    """Names the question whose reply has another form than QEMU gives it."""
    try:
        yield
    except _ODD as error:
        raise _odd_reply(command, error) from error


def _odd_reply(question: str, error: Exception) -> RecordingError:
    return RecordingError(f"the reply to {question} has not the form that QEMU gives it: {error!r}")


def _reply(part: Part, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
    exchange = part.find(command, arguments)
    return None if exchange is None or exchange.error is not None else exchange.reply


def _names(items: Any, key: str) -> list[str] | None:
    return None if items is None else [item[key] for item in items]


def _gic(items: Any) -> list[dict[str, Any]] | None:
    if items is None:
        return None
    return [{"number": one["version"], "emulated": one["emulated"], "kernel": one["kernel"]} for one in items]


def _commands(schema: Any, commands: Any) -> list[str] | None:
    if schema is not None:
        return [entity["name"] for entity in schema if entity["meta-type"] == "command"]
    return _names(commands, "name")


def _options(reply: Any) -> dict[str, list[dict[str, str]]] | None:
    if reply is None:
        return None
    return {
        item["option"]: [{"name": key["name"], "type": key["type"]} for key in item["parameters"]] for item in reply
    }


def _types(part: Part) -> tuple[dict[str, str | None] | None, dict[str, str | None] | None]:
    """Concrete types, and abstract ones, each with its parent where QEMU tells it (since 2.10)."""
    concrete = _reply(part, "qom-list-types")
    if concrete is None:
        return None, None
    types = {item["name"]: item.get("parent") for item in concrete}
    every = _reply(part, "qom-list-types", {"abstract": True})
    if every is None:
        return types, None
    return types, {item["name"]: item.get("parent") for item in every if item["name"] not in types}


def _require_names(*listed: Mapping[str, str | None] | None) -> None:
    """What is worked out of names needs names; all else is validated at the end."""
    for types in listed:
        for name, parent in (types or {}).items():
            if not isinstance(name, str) or not isinstance(parent, str | None):
                raise TypeError(f"a type {name!r} of parent {parent!r}")


def _properties(part: Part) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The pool of distinct properties, and for each asked type its references into it."""
    pool = _Pool()
    answers: dict[str, dict[str, Any]] = {}
    for command in PROPERTY_COMMANDS:
        for exchange in part.every(command):
            try:
                typename = (exchange.arguments or {})["typename"]
                if not isinstance(typename, str):
                    raise TypeError(f"{command} asks for {typename!r}")
                if typename in answers and answers[typename].get("error") is None:
                    continue
                if exchange.error is not None:
                    answers[typename] = {"command": command, "error": _error(exchange.error)}
                else:
                    answers[typename] = {"command": command, "refs": pool.references(exchange.reply)}
            except _ODD as error:  # not by _reading(), which takes as long as all this
                raise _odd_reply(question_key(command, exchange.arguments), error) from error
    with _reading(HELP):
        _machines(part, pool, answers)
    return pool.properties, answers


def _machines(part: Part, pool: _Pool, answers: dict[str, dict[str, Any]]) -> None:
    """What ``-machine NAME,help`` told of machines whose types could not be asked for, as that kills the binary."""
    # All of them live until the last is in the pool, which tells them by their identity.
    for name, properties in list(filter(None, map(read_machine, part.every(HELP)))):
        answer = answers.get(f"{name}-machine")
        if answer is not None and answer.get("error", {}).get("crashed"):
            refs = pool.references(properties)
            answers[f"{name}-machine"] = {"command": HELP, "refs": refs, "error": answer["error"]}


class _Pool:
    """Each distinct property once, in the order in which they come.

    A recording that was read from a file has one object for all properties that are written alike, and one for all such
    lists of them, so most are told by their identity; they live as long as the recording.
    """

    def __init__(self) -> None:
        self.properties: list[dict[str, Any]] = []
        self._by_content: dict[tuple[Any, ...], int] = {}
        self._by_identity: dict[int, int] = {}
        self._lists: dict[int, list[int]] = {}

    def references(self, reply: Any) -> list[int]:
        """The places in the pool of all properties that a type listed."""
        found = self._lists.get(id(reply))
        if found is None:
            places = map(self._by_identity.get, map(id, reply))
            found = [self._place(item) if place is None else place for item, place in zip(reply, places, strict=True)]
            self._lists[id(reply)] = found
        return found

    def _place(self, item: Any) -> int:
        name, typename, description = item["name"], item["type"], item.get("description")
        default = item.get("default-value")
        key: tuple[Any, ...] = (name, typename, description)
        if default is not None:
            # True and 1 are one key to Python, and two values to QEMU.
            key = (*key, type(default), repr(default))
        place = self._by_content.get(key)
        if place is None:
            place = self._by_content[key] = len(self.properties)
            told = {"name": name, "type": typename, "description": description}
            # Left out where there is none: looking whether a value is one of JSON's costs more than all the rest.
            self.properties.append(told if default is None else {**told, "default_value": default})
        self._by_identity[id(item)] = place
        return place


def _error(error: ErrorReply) -> dict[str, Any]:
    return {"cls": error.cls, "desc": error.desc, "crashed": error.cls == CRASHED}


def _families(types: dict[str, str | None] | None, properties: Mapping[str, Any]) -> dict[str, str]:
    """CPU models that were not asked, because one of the same class was."""
    asked: dict[str, str] = {}
    for typename in properties:
        family = cpu_family(typename, (types or {}).get(typename))
        if family is not None:
            asked.setdefault(family, typename)
    shared: dict[str, str] = {}
    for typename, parent in (types or {}).items():
        family = cpu_family(typename, parent)
        if family in asked and typename not in properties:
            shared[typename] = asked[family]
    return shared


def _accelerators(recording: Recording, kvm: Any) -> dict[str, Any]:
    first, *others = recording.parts
    named = {"kvm" if kvm and kvm["enabled"] else "tcg": first}
    if others and "kvm" in named:
        named["tcg"] = others[0]
    elif others:
        # Asked under another accelerator first, as libvirt does on macOS (its recordings are called 9.2.0+hvf); what no
        # domain here can be of stands behind.
        named = {"tcg": others[0], "hvf": first}
    return {name: _accelerator(part) for name, part in named.items()}


def _accelerator(part: Part) -> dict[str, Any]:
    machines, models = _reply(part, "query-machines"), _reply(part, "query-cpu-definitions")
    with _reading("query-machines"):
        by_name = None if machines is None else {item["name"]: _machine(item) for item in machines}
    with _reading("query-cpu-definitions"):
        cpu_models = None if models is None else {item["name"]: _cpu_model(item) for item in models}
    with _reading("query-cpu-model-expansion"):
        expansions = [_expansion(exchange) for exchange in part.every("query-cpu-model-expansion")]
    return {"machines": by_name, "cpu_models": cpu_models, "cpu_expansions": expansions}


_MACHINE_KEYS = (
    "name", "alias", "is-default", "cpu-max", "hotpluggable-cpus", "numa-mem-supported", "deprecated",
    "default-cpu-type", "default-ram-id", "acpi",
)  # fmt: skip
_CPU_KEYS = ("name", "typename", "unavailable-features", "migration-safe", "static", "deprecated", "alias-of")


def _machine(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): item[key] for key in _MACHINE_KEYS if key in item}


def _cpu_model(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): item[key] for key in _CPU_KEYS if key in item}


def _expansion(exchange: Exchange) -> dict[str, Any]:
    arguments: Any = exchange.arguments or {}
    reply: Any = exchange.reply or {}
    return {
        "type": arguments["type"],
        "model": arguments["model"]["name"],
        "asked_props": arguments["model"].get("props", {}),
        "props": reply["model"].get("props") if "model" in reply else None,
        "error": exchange.error and exchange.error.desc,
    }


def _checked_schema(schema: Any) -> list[Any] | None:
    """The schema (None where there is none), if it has the form that QEMU gives it.

    :raise TypeError: where it has not.
    """
    if schema is None:
        return None
    require_sound(schema)
    return list(schema)


def _compact(schema: list[Any]) -> str:
    """The schema as JSON without a space, in ASCII."""
    text = to_json(schema)
    # Of plain texts alone, as a schema is made of, both make the same; pydantic in a third of the time.
    return text.decode() if text.isascii() else json.dumps(schema, separators=(",", ":"))
