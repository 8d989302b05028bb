"""Options whose value is a tree that the QAPI schema describes: ``-blockdev``, ``-netdev``, ``-audiodev`` and others.

``-object`` is one since QEMU 6.0, where the schema describes every object, ``qom-type`` being an enum; before, its QOM
type does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from prober.capabilities import Evidence, Verdict
from prober.capabilities.facts import did_you_mean
from prober.capabilities.schema import QapiSchema
from prober.commandline.aliases import POLICIES
from prober.commandline.deprecated import find_deprecated
from prober.commandline.drivers import check_drivers
from prober.commandline.grounds import Grounds
from prober.commandline.options import Object, Qapi, Value
from prober.commandline.qapi import is_plain, misfits
from prober.commandline.refusal import Finding, Kind, Misfit, Origin
from prober.commandline.replaced import replacement
from prober.commandline.text import Text
from prober.commandline.texts.audiodevs import audiodev_misfits

#: Options whose value no command takes, but one returns.
_AUTHORITIES: dict[str, tuple[str, str]] = {
    "-audio": ("query-audiodevs", "ret-type"),
    "-audiodev": ("query-audiodevs", "ret-type"),
    "-display": ("query-display-options", "ret-type"),
}

#: Options that take a backend which may be a module, and the member that names it.
_BACKENDS: dict[str, tuple[str, str]] = {
    "-audio": ("audiodev", "driver"),
    "-audiodev": ("audiodev", "driver"),
    "-display": ("display", "type"),
}

#: Options that make an audiodev.
_SOUND = ("-audio", "-audiodev")

#: Before this version QEMU took the silent driver for one that is not there (5.2, ``audio/audio.c``, ``audio_init``).
_NO_SILENCE = (6, 0, 0)

#: What ``-audio`` has beside the members of an audiodev, the id of which it can be without (``system/vl.c``).  Without
#: a card it only says what the default is, which nobody opens (QEMU 8.2, ``audio_define_default``).
_CARD = "model"

#: Objects whose type QEMU has only on some hosts: that of the recording need not be the one that runs the guest
#: (``backends/hostmem-epc.c``: where ``/dev/sgx_vepc`` can be opened).
_BY_THE_HOST = frozenset({"memory-backend-epc"})


def check_object(option: Object, grounds: Grounds) -> Iterator[Finding]:
    """Its type is there, and takes what it is given."""
    if grounds.caps.has("object-add.qom-type.memory-backend-ram"):
        yield from _object_by_schema(option, grounds)
    else:
        yield from _object_by_type(option, grounds)


def _object_by_schema(option: Object, grounds: Grounds) -> Iterator[Finding]:
    value: dict[str, Value] = {"qom-type": option.qom_type, "id": option.id}
    value |= {item.name: item.value for item in option.properties}
    places = {item.name: item.place for item in option.properties}
    found = list(_against("-object", ("object-add", "arg-type"), value, option.place, places, grounds))
    yield from found
    if not found and option.qom_type not in _BY_THE_HOST:
        # The schema has types that this binary was built without (``qapi/qom.json``, cryptodev-backend-lkcf).
        evidence = grounds.supports(option.qom_type)
        yield from grounds.require(evidence, option.place, part="qom-type", rule="option/type")


def _object_by_type(option: Object, grounds: Grounds) -> Iterator[Finding]:
    evidence = grounds.supports(option.qom_type)
    yield from grounds.require(evidence, option.place, part="qom-type", rule="option/type")
    if not evidence.is_present:
        return
    for item in option.properties:
        if isinstance(item.value, dict):
            # Its parser makes no trees (QEMU 5.2, ``qom/object_interfaces.c``, ``user_creatable_add_opts``).
            yield Finding(
                kind=Kind.error,
                place=item.place,
                part=item.name,
                message=f"QEMU {grounds.caps.version} takes no members of {item.name} with -object",
                qemu_name=f"{option.qom_type}.{item.name}",
                hint="QEMU 6.0 is the first that does",
                rule="option/members",
            )
        else:
            yield from grounds.property(option.qom_type, item)


def check_tree(option: Qapi, grounds: Grounds) -> Iterator[Finding]:
    """The command that takes or returns such a value is there, and the value fits."""
    makes_it = option.flag != "-audio" or _CARD in option.value
    if option.flag == "-audio":
        flags = list(grounds.flag(option.flag, option.place))
        yield from flags
        if any(finding.kind is Kind.error for finding in flags):
            return
        members: dict[str, Value] = {"id": Text("audiodev0"), **option.value}
        members.pop(_CARD, None)
        option = replace(option, value=members)
    command, side = authority = _AUTHORITIES.get(option.flag, (option.command, "arg-type"))
    if not command or (side == "ret-type" and not grounds.caps.has(command)):
        yield from _untold(option, grounds)
        return
    evidence = grounds.supports(command)
    yield from grounds.require(evidence, option.place, rule="option/command")
    if evidence.is_present:
        value: Value = [dict(option.value)] if option.flag in _SOUND else dict(option.value)
        found = list(_against(option.flag, authority, value, option.place, option.places, grounds))
        yield from found
        if makes_it and not any(finding.kind is Kind.error for finding in found):
            yield from _backend(option, grounds)


def _backend(option: Qapi, grounds: Grounds) -> Iterator[Finding]:
    """That the backend is there whose settings the schema has."""
    if option.flag == "-blockdev":
        yield from check_drivers(option, grounds)
    kind, part = _BACKENDS.get(option.flag, ("", ""))
    name = option.value.get(part)
    if isinstance(name, str):
        yield from grounds.backend(kind, name, option.places.get(part, option.place), part=part)


def _untold(option: Qapi, grounds: Grounds) -> Iterator[Finding]:
    """An option whose type no command of this binary has."""
    if option.flag in _SOUND:
        yield from _sound(option, grounds)
        return
    if option.flag == "-compat":
        yield from _compat(option, grounds)
        return
    note = f"no QMP command of QEMU {grounds.caps.version} takes or gives what {option.flag} takes"
    yield from grounds.unknown(option.flag, note, option.place, rule="option/untold")


def _sound(option: Qapi, grounds: Grounds) -> Iterator[Finding]:
    """An audiodev of a QEMU that has no schema of them."""
    missing = [name for name in ("id", "driver") if not isinstance(option.value.get(name), str)]
    for name in missing:
        yield Finding(
            kind=Kind.error,
            place=option.place,
            part=name,
            message=f"{option.flag} needs {name}, a text",
            qemu_name=option.flag,
            rule="option/missing",
        )
    if missing:
        return
    absent = [finding for finding in _backend(option, grounds) if finding.kind is Kind.error]
    yield from absent
    found = list(audiodev_misfits(option.value, grounds.caps.version.numbers))
    for misfit in found:
        if not absent or misfit.path != ("driver",):
            yield _misfit(option.flag, option.flag, misfit, option.places.get(misfit.path[0], option.place), grounds)
    if grounds.caps.version.numbers < _NO_SILENCE:
        return
    if not found and not absent and not _has_driver(str(option.value.get("driver")), grounds):
        note = f"no QMP command of QEMU {grounds.caps.version} takes or gives what {option.flag} takes"
        yield from grounds.unknown(option.flag, note, option.place, rule="option/untold")


def _has_driver(name: str, grounds: Grounds) -> bool:
    """Whether a driver of sound is there.

    The silent one is as old as the option (QEMU 4.0), SPICE's is built where SPICE is (``audio/meson.build``), and the
    binary may list others (QEMU 7.1, ``-audiodev help``).
    """
    return grounds.supports(f"-audiodev {name}").is_present or (name == "spice" and grounds.caps.has("-spice"))


def _compat(option: Qapi, grounds: Grounds) -> Iterator[Finding]:
    """Policies, each of which takes words of its own."""
    flags = list(grounds.flag(option.flag, option.place))
    yield from flags
    if any(finding.kind is Kind.error for finding in flags):
        return
    version = grounds.caps.version
    known = {name: words for name, (words, since) in POLICIES.items() if version.numbers >= since}
    for name, word in option.value.items():
        words = known.get(name)
        if words is None:
            misfit = Misfit((name,), "is not known", tuple(known), rule="option/member")
        elif word not in words:
            misfit = Misfit((name,), f"is one of {', '.join(words)}, not {word!r}", words, str(word)[:64])
        else:
            continue
        yield _misfit(option.flag, option.flag, misfit, option.places.get(name, option.place), grounds)


def _against(
    flag: str, authority: tuple[str, str], value: Value, place: Origin, places: Mapping[str, Origin], grounds: Grounds
) -> Iterator[Finding]:
    """The value of an option against a command's argument or return type."""
    schema = grounds.caps.schema_
    command, side = authority
    entity = schema.command(command) if schema is not None else None
    if schema is None or entity is None:
        note = f"{command} is not explained: this QEMU has no query-qmp-schema"
        yield from grounds.unknown(command, note, place, rule="option/command")
        return
    if is_plain(schema, str(entity[side]), value):
        return
    found = list(misfits(schema, str(entity[side]), value))
    for misfit in found:
        # What a command returns as a list (``query-audiodevs``) has a number before the member's name.
        where = next((places[step] for step in misfit.path[:2] if step in places), place)
        yield _misfit(flag, command, misfit, where, grounds)
    if not found:
        yield from _deprecated(schema, str(entity[side]), value, command, place, places)


def _misfit(flag: str, command: str, misfit: Misfit, place: Origin, grounds: Grounds) -> Finding:
    # What a command returns as a list has the number of the item before each name.
    path = ".".join(misfit.path[1:] if misfit.path[:1] == ("0",) else misfit.path) or "what it says"
    fact = f"{command}.{misfit.dotted}" if misfit.path else command
    listed: list[JsonValue] = [*sorted(misfit.known)]
    near = grounds.near(misfit)
    return Finding(
        kind=Kind.error,
        place=place,
        part=misfit.dotted,
        message=f"QEMU {grounds.caps.version} takes no such {flag}: {path} {misfit.message}",
        qemu_name=fact,
        evidence=Evidence(
            fact=fact,
            verdict=Verdict.absent,
            note=f"by the schema, {path} {misfit.message}",
            command="query-qmp-schema",
            reply=listed or None,
            suggestions=tuple(near),
        ),
        hint=replacement(fact) or did_you_mean(near),
        rule=misfit.rule,
    )


def _deprecated(
    schema: QapiSchema, type_name: str, value: Value, command: str, place: Origin, places: Mapping[str, Origin]
) -> Iterator[Finding]:
    for path in find_deprecated(schema, type_name, value):
        dotted = ".".join(path)
        fact = f"{command}.{dotted}"
        yield Finding(
            kind=Kind.deprecated,
            place=places.get(path[0], place),
            part=dotted,
            message=f"{dotted} is deprecated",
            qemu_name=fact,
            evidence=Evidence(
                fact=fact,
                verdict=Verdict.present,
                note="the schema lists it with the feature deprecated",
                command="query-qmp-schema",
            ),
            rule="option/deprecated",
        )
