"""Looking up one fact by QEMU's name for it, and saying on what grounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pydantic import JsonValue

from prober.capabilities.backends import LISTING, find_backend
from prober.capabilities.drivers import find_driver
from prober.capabilities.evidence import Evidence, Verdict
from prober.capabilities.inventory import Inventory
from prober.capabilities.models import ReplyError
from prober.errors import FactError
from prober.qemu.recording import HELP

#: What a fact may look like: QEMU's names have letters, digits and ``-_.,:+@/[]`` and an inner space
#: (``qemu:memory-region``; ``ICH9 LPC``, QEMU 1.5); a leading dash makes it a command-line option.
_FACT = re.compile(r"-?[A-Za-z0-9_][A-Za-z0-9_.,:+@/\[\] -]{0,250}")

#: How much two names are alike, from 0 to 1, where one is suggested for the other.
_ALIKE = 0.65

#: The question that lists all types.
_TYPES = "qom-list-types"


def resolve(caps: Inventory, fact: str, *, near: bool = True) -> Evidence:
    """The evidence for a fact; see :meth:`prober.capabilities.Capabilities.supports` for the forms.

    ``near=False`` spares the search for names like one that is not there, which takes most of the time.

    :raise FactError: where it has none of these forms.
    """
    found = _resolve(caps, fact)
    names = _suggestions(caps, found) if near and found.verdict is Verdict.absent else ()
    return found.model_copy(update={"suggestions": names}) if names else found


def _resolve(caps: Inventory, fact: str) -> Evidence:
    if not _FACT.fullmatch(fact) or fact.endswith(".") or ".." in fact:
        raise FactError(
            f"{fact!r} is not a fact's name",
            hint="write TYPE, TYPE.PROPERTY, COMMAND, COMMAND.MEMBER, -OPTION, -OPTION.KEY or '-display NAME'",
        )
    if fact.startswith("-"):
        return _option(caps, fact)
    for subject, rest in subjects(fact):
        if not rest and (whole := _whole(caps, subject)):
            return whole
        if rest and (part := _part(caps, fact, subject, rest)):
            return part
    return _nowhere(caps, fact)


def subjects(fact: str) -> Iterator[tuple[str, list[str]]]:
    """Each way to part a fact's name into what it is about and the steps into that.

    Types and machines have dots in their own names (pc-q35-7.2), so the longest known name wins.
    """
    pieces = fact.split(".")
    for cut in range(len(pieces), 0, -1):
        yield ".".join(pieces[:cut]), pieces[cut:]


def _whole(caps: Inventory, name: str) -> Evidence | None:
    """A fact that is one known name, or None where nothing has this name."""
    if _listed(caps, name) or (name in caps.properties and caps.properties[name].error is None):
        return _type(caps, name)
    machine = caps.machine(name)
    if machine is not None:
        item: JsonValue = {"name": machine.name, **({"alias": machine.alias} if machine.alias else {})}
        return _present(name, "query-machines", None, item, "query-machines lists this machine")
    if name in (caps.cpu_models or {}):
        return _present(
            name, "query-cpu-definitions", None, {"name": name}, "query-cpu-definitions lists this CPU model"
        )
    if name in (caps.commands or ()):
        command = _commands_from(caps)
        return _present(name, command, None, {"name": name}, f"{command} lists this command")
    return None


def _part(caps: Inventory, fact: str, subject: str, rest: list[str]) -> Evidence | None:
    """A fact about a part of a known subject, or None where nothing is called like the subject."""
    machine = caps.machine(subject)
    typename = f"{machine.name}-machine" if machine is not None else subject
    if _listed(caps, typename) or typename in caps.properties:
        return _property(caps, fact, typename, ".".join(rest))
    if machine is not None:
        note = f"the properties of {typename} were never asked"
        return Evidence(fact=fact, verdict=Verdict.unknown, note=note)
    if subject in (caps.commands or ()):
        return _member(caps, fact, subject, rest)
    return None


def _nowhere(caps: Inventory, fact: str) -> Evidence:
    """No type, machine, CPU model or command has this name: absent, if there was a list to look at."""
    if caps.types is None:
        return Evidence(fact=fact, verdict=Verdict.unknown, note="the list of types was never asked")
    note = f"no type, machine, CPU model or QMP command is named {fact.partition('.')[0]}"
    note += f"; {_TYPES} lists {len(caps.types)} types"
    return Evidence(fact=fact, verdict=Verdict.absent, note=note, command=_TYPES)


def _suggestions(caps: Inventory, absent: Evidence) -> tuple[str, ...]:
    """Names in place of the one that is not there."""
    fact = absent.fact
    if absent.command == _TYPES:
        machines = [machine.name for machine in (caps.machines or {}).values()]
        known = {*(caps.types or ()), *machines, *(caps.cpu_models or ()), *(caps.commands or ())}
        return tuple(nearest(fact, known) or nearest(fact.partition(".")[0], known))
    if not isinstance(absent.reply, list):
        return ()
    dash = "-" if fact.startswith("-") and " " not in fact and "." not in fact else ""
    name = fact.removeprefix(dash).rpartition(" " if fact.startswith("-") and " " in fact else ".")[2]
    return tuple(f"{dash}{known}" for known in nearest(name, map(str, absent.reply)))


def _listed(caps: Inventory, typename: str) -> bool:
    return typename in (caps.types or ()) or typename in (caps.abstract_types or ())


def _type(caps: Inventory, name: str) -> Evidence:
    answer = caps.properties.get(name)
    if answer is not None and answer.error is not None and is_not_found(answer.error):
        return Evidence(
            fact=name,
            verdict=Verdict.absent,
            note=f"QEMU lists this type but cannot load it: {answer.error.desc}",
            command=answer.command,
            arguments={"typename": name},
            error=answer.error.desc,
        )
    item: JsonValue = {"name": name}
    if name in (caps.abstract_types or ()):
        return _present(name, _TYPES, {"abstract": True}, item, f"{_TYPES} lists this abstract type")
    if name in (caps.types or ()):
        return _present(name, _TYPES, None, item, f"{_TYPES} lists this type")
    assert answer is not None
    return _present(name, answer.command, {"typename": name}, item, f"{answer.command} knows this type")


def _property(caps: Inventory, fact: str, typename: str, name: str) -> Evidence:
    asked = caps.families.get(typename, typename)
    answer = caps.properties.get(asked)
    if answer is None:
        return Evidence(fact=fact, verdict=Verdict.unknown, note=f"the properties of {typename} were never asked")
    question: dict[str, JsonValue] = {"typename": asked}
    if answer.command == HELP:
        question = {"option": "machine", "name": asked.removesuffix("-machine")}
    shared = "" if asked == typename else f" ({typename} has the same class)"
    if answer.error is not None and not answer.is_known:
        verdict = Verdict.absent if is_not_found(answer.error) else Verdict.unknown
        how = "asking killed QEMU" if answer.error.crashed else f"{answer.command} {asked} failed"
        return Evidence(
            fact=fact,
            verdict=verdict,
            note=f"{how}: {answer.error.desc}{shared}",
            command=answer.command,
            arguments=question,
            error=answer.error.desc,
        )
    found = caps.property_of(typename, name)
    if found is not None:
        item: dict[str, JsonValue] = {"name": found.name, "type": found.type}
        if found.description is not None:
            item["description"] = found.description
        if found.default_value is not None:
            item["default-value"] = found.default_value
        note = f"{answer.command} {asked} lists {found.name} ({found.type}){shared}"
        return _present(fact, answer.command, question, item, note)
    properties = caps.properties_of(typename) or ()
    note = f"{answer.command} {asked} lists {len(properties)} properties, {name} is not among them{shared}"
    return _absent(fact, answer.command, question, sorted(item.name for item in properties), note)


def _member(caps: Inventory, fact: str, command: str, path: list[str]) -> Evidence:
    schema = caps.schema_
    if schema is None:
        return Evidence(fact=fact, verdict=Verdict.unknown, note="this QEMU has no query-qmp-schema")
    outcome, what = schema.find_member(command, path)
    if outcome == "found":
        assert isinstance(what, dict)
        item: JsonValue = {"name": path[-1], "meta-type": str(what["meta-type"])}
        return _present(fact, "query-qmp-schema", None, item, f"the schema of {command} has {'.'.join(path)}")
    assert isinstance(what, list)
    names: list[str] = what
    return _absent(fact, "query-qmp-schema", None, names, f"the schema of {command} has no {'.'.join(path)}")


def _block_driver(caps: Inventory, fact: str, driver: str) -> Evidence:
    """Whether the schema has a block driver."""
    if caps.schema_ is None or caps.schema_.command("blockdev-add") is None:
        return Evidence(fact=fact, verdict=Verdict.unknown, note="this QEMU has no schema of block drivers")
    return _member(caps, fact, "blockdev-add", ["driver", driver])


def _option(caps: Inventory, fact: str) -> Evidence:
    option, space, backend = fact[1:].partition(" ")
    if space and option in LISTING:
        return find_backend(caps.listed.get(option), caps.types, fact, option, backend)
    if space and option == "blockdev":
        return find_driver(caps.drivers, _block_driver(caps, fact, backend), backend)
    name, _, key = fact[1:].partition(".")
    question = "query-command-line-options"
    if caps.options is None:
        return Evidence(fact=fact, verdict=Verdict.unknown, note=f"{question} was never asked")
    keys = caps.options.get(name)
    if keys is None:
        # Options without keys (-S, -uuid, -display) are not in that list at all.
        listed = sorted(caps.options)
        missing = _absent(fact, question, None, listed, f"{question} lists no option -{name}")
        said = caps.listed[name].said if name in caps.listed else ()
        return missing.model_copy(update={"error": "; ".join(said)}) if said else missing
    if not key:
        return _present(fact, question, None, {"option": name}, f"{question} lists -{name}")
    for known in keys:
        if known.name == key:
            item: JsonValue = {"name": key, "type": known.type}
            return _present(fact, question, None, item, f"-{name} has the key {key} ({known.type})")
    return _absent(fact, question, None, sorted(known.name for known in keys), f"-{name} has no key {key}")


def is_not_found(error: ReplyError) -> bool:
    """Whether QEMU says that it has no such class: never built in, or a module that is not installed."""
    return not error.crashed and (error.cls == "DeviceNotFound" or error.desc.endswith("not found"))


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names most like this one."""
    wanted = name.lower()
    folded = {candidate.lower(): candidate for candidate in sorted(known)}
    # A name that is much longer or shorter cannot be as much like it (``real_quick_ratio``); this says so in no time.
    near = [one for one in folded if 2.0 * min(len(one), len(wanted)) >= _ALIKE * (len(one) + len(wanted))]
    return [folded[match] for match in get_close_matches(wanted, near, n=limit, cutoff=_ALIKE)]


def did_you_mean(near: Iterable[str]) -> str:
    """The hint that names them, or nothing."""
    names = " or ".join(near)
    return f"did you mean {names}?" if names else ""


def _commands_from(caps: Inventory) -> str:
    return "query-commands" if caps.schema_text is None else "query-qmp-schema"


def _present(fact: str, command: str, arguments: dict[str, JsonValue] | None, reply: JsonValue, note: str) -> Evidence:
    return Evidence(fact=fact, verdict=Verdict.present, note=note, command=command, arguments=arguments, reply=reply)


def _absent(fact: str, command: str, arguments: dict[str, JsonValue] | None, names: list[str], note: str) -> Evidence:
    reply: list[JsonValue] = [*names]
    return Evidence(fact=fact, verdict=Verdict.absent, note=note, command=command, arguments=arguments, reply=reply)
