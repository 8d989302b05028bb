"""Every option held against what the binary says of itself.

Nothing here knows an option's purpose.  ``-device`` and ``-global`` are proven by QOM types and their properties,
``-object``, ``-blockdev``, ``-netdev``, ``-audiodev`` and ``-display`` by the QAPI schema, machines, CPU models and
accelerators by their lists, and other options by ``query-command-line-options``.  What no answer tells is *unknown*,
never a guess.  The same check serves a command line that a domain came to, and one that was typed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping

from pydantic import JsonValue

from prober.capabilities import Capabilities, Evidence, Verdict
from prober.commandline.aliases import (
    DEPRECATION_POLICY,
    DEVICE_ALIASES,
    NEEDED_PROPERTIES,
    NOT_PLUGGABLE,
)
from prober.commandline.buses import check_buses
from prober.commandline.check_keyval import check_keyval
from prober.commandline.deprecated import find_deprecated
from prober.commandline.kept import KeptPerBinary
from prober.commandline.line import Line
from prober.commandline.options import Device, Global, Keyval, Object, Option, Plain, Property, Qapi, Value
from prober.commandline.plain import check_plain
from prober.commandline.proof import Proof
from prober.commandline.qapi import misfits
from prober.commandline.references import check_references, check_reserved
from prober.commandline.refusal import Finding, Kind, Misfit, Origin
from prober.commandline.rules.names import PROPER_IDS_SINCE
from prober.commandline.rules.table import check_rules
from prober.commandline.text import Text
from prober.commandline.types import misfit_of
from prober.commandline.unused import find_unused

#: Keys of ``-device`` that qdev reads itself, and no type lists (QEMU, ``system/qdev-monitor.c``).
_QDEV_KEYS = frozenset({"driver", "id", "bus"})

#: Objects whose type QEMU has only on some hosts: that of the recording need not be the one that runs the guest
#: (``backends/hostmem-epc.c``: where ``/dev/sgx_vepc`` can be opened).
_BY_THE_HOST = frozenset({"memory-backend-epc"})

#: How many sound options are remembered of a binary before all are forgotten: anybody may ask for anything.
_REMEMBERED = 4096

#: Options that were found sound, and those that are if all is there that the binary was not asked for.
SOUND_OPTIONS: KeptPerBinary[set[Hashable]] = KeptPerBinary(set)
ASSUMED_OPTIONS: KeptPerBinary[set[Hashable]] = KeptPerBinary(set)
#: Types that are there and that ``-device`` can make, of those that were looked at.
_SOUND_DRIVERS: KeptPerBinary[set[str]] = KeptPerBinary(set)


def check(
    options: Iterable[Option],
    caps: Capabilities,
    *,
    assume_unknown_present: bool = False,
    written: Iterable[Hashable] | None = None,
) -> list[Finding]:
    """All that this binary would refuse, ignore or warn of, or is not known to take; each thing once.

    In the order of the options; what concerns several of them (references, globals without a device) comes last.
    ``assume_unknown_present`` leaves out what is said of facts that the binary was never asked for.  ``written`` has
    for each option the words that it is written as, where they are known.
    """
    options = list(options)
    line = Line.of(options, caps)
    return _once(
        [
            *check_each(options, caps, assume_unknown_present=assume_unknown_present, written=written),
            *check_references(line),
            *check_reserved(line),
            *check_buses(line),
            *check_rules(line),
            *find_unused(line),
        ]
    )


def check_each(
    options: Iterable[Option],
    caps: Capabilities,
    *,
    assume_unknown_present: bool = False,
    written: Iterable[Hashable] | None = None,
) -> list[Finding]:
    """What concerns each option by itself, for options that are not all of a command line.

    What was found sound is remembered: ``-sandbox`` and ``-machine`` are the same for every domain of a host, and a
    domain is asked for again and again.  It is remembered by its words, where these are known, else by its parts.
    """
    options = list(options)
    checker = _Checker(Proof(caps, assume_unknown_present=assume_unknown_present))
    sound = (ASSUMED_OPTIONS if assume_unknown_present else SOUND_OPTIONS).of(caps)
    found: list[Finding] = []
    for option, key in zip(options, map(_key, options) if written is None else written, strict=True):
        if key in sound:
            continue
        about = list(checker.check(option))
        found += about
        if not about and key is not None:
            if len(sound) >= _REMEMBERED:
                sound.clear()
            sound.add(key)
    return _once(found)


def _key(option: Option) -> Hashable | None:
    """All that the findings about an option depend on, beside the binary; None where that has no simple form."""
    match option:
        case Device():
            return _with(("-device", option.driver), option.properties)
        case Keyval():
            return _with((option.flag, option.group, type(option.first), option.first), option.pairs)
        case Object():
            return _with(("-object", option.qom_type, option.id), option.properties)
        case Qapi():
            items = option.value.items()
            return _with((option.flag, option.command), [(name, value, None) for name, value in items])
    return None


def _with(about: tuple[Hashable, ...], pairs: Iterable[tuple[str, Value, object]]) -> Hashable | None:
    """A key of names and values; types are part of it, as ``True`` and 1 are alike to Python."""
    values: list[Hashable] = []
    for name, value, _ in pairs:
        if isinstance(value, (list, dict)):
            return None
        values.append((name, type(value), value))
    return about, tuple(values)


def _once(found: list[Finding]) -> list[Finding]:
    seen: dict[tuple[object, ...], Finding] = {}
    for finding in found:
        seen.setdefault((finding.kind, finding.qemu_name, finding.message), finding)
    return list(seen.values())


class _Checker:
    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.caps = proof.caps
        self.sound_drivers = _SOUND_DRIVERS.of(proof.caps)

    def check(self, option: Option) -> Iterator[Finding]:
        """The findings about one option by itself."""
        match option:
            case Device():
                yield from self._device(option)
            case Global():
                yield from self._global(option)
            case Object():
                yield from self._object(option)
            case Qapi():
                yield from self._qapi(option)
            case Keyval():
                yield from check_keyval(option, self.proof)
            case Plain():
                yield from check_plain(option, self.proof)

    def _device(self, option: Device) -> Iterator[Finding]:
        typename = DEVICE_ALIASES.get(option.driver, option.driver)
        if typename not in self.sound_drivers:
            fault = next(self._driver(option, typename), None)
            if fault is not None:
                yield fault
                return
        for group in NEEDED_PROPERTIES.get(typename, ()):
            if all(item.name not in group for item in option.properties):
                yield Finding(
                    kind=Kind.error,
                    place=option.place,
                    part=group[0],
                    message=f"{typename} cannot be without {' or '.join(group)}",
                    qemu_name=f"{typename}.{group[0]}",
                )
        for item in option.properties:
            if item.name not in _QDEV_KEYS:
                yield from self._property(typename, item)
            elif (
                item.name == "id" and not isinstance(item.value, Text) and self.caps.version.numbers < PROPER_IDS_SINCE
            ):
                yield from self._id(item)

    def _id(self, item: Property) -> Iterator[Finding]:
        """An id in JSON, where it may be any text; as a part of a path an odd one ends QEMU, if the device looks for
        parts of its own there."""
        if isinstance(item.value, str) and (not item.value or "/" in item.value):
            note = "with an id that is empty or has a slash, some devices end QEMU; which do is in no answer"
            evidence = Evidence(fact="-device.id", verdict=Verdict.unknown, note=note)
            yield from self.proof.require(evidence, item.place, part="id")

    def _driver(self, option: Device, typename: str) -> Iterator[Finding]:
        """What is wrong with a driver, whatever its properties."""
        if typename in (self.caps.abstract_types or {}):
            yield Finding(
                kind=Kind.error,
                place=option.place,
                part="driver",
                message=f"{typename} is abstract: QEMU makes only types that are derived from it",
                qemu_name=typename,
                evidence=self.proof.supports(typename),
            )
            return
        evidence = self.proof.supports(typename)
        if not evidence.is_present:
            yield from self.proof.require(evidence, option.place, part="driver")
            return
        if typename in NOT_PLUGGABLE or ((self.caps.types is not None) and not self._is_device(typename)):
            yield Finding(
                kind=Kind.error,
                place=option.place,
                part="driver",
                message=f"{typename} is no device that -device can make",
                qemu_name=typename,
                evidence=evidence,
            )
            return
        self.sound_drivers.add(typename)

    def _is_device(self, typename: str) -> bool:
        """Whether a type is derived from ``device``; where a parent is not told, it may be."""
        line = list(self.caps.ancestors(typename))
        return "device" in line or [typename, *line][-1] not in ("object", "interface")

    def _global(self, option: Global) -> Iterator[Finding]:
        evidence = self.proof.supports(option.driver)
        if evidence.verdict is Verdict.absent:
            # QEMU takes a -global for what it does not know at all, and warns (``qdev_prop_check_globals``).
            yield Finding(
                kind=Kind.ignored,
                place=option.setting.place,
                part=option.fact,
                message=f"QEMU {self.caps.version} has no {option.driver}, and would ignore this",
                qemu_name=option.driver,
                evidence=evidence,
            )
            return
        yield from self._property(option.driver, option.setting)

    def _property(self, typename: str, item: Property) -> Iterator[Finding]:
        known = self.caps.property_of(typename, item.name)
        misfit = misfit_of(known, item.value) if known is not None else ""
        if known is not None and not misfit:
            return  # Evidence is made for what is wrong: most is right.
        evidence = self.proof.supports(f"{typename}.{item.name}")
        yield from self.proof.require(evidence, item.place, part=item.name)
        if misfit:
            yield Finding(
                kind=Kind.error,
                place=item.place,
                part=item.name,
                message=misfit,
                qemu_name=f"{typename}.{item.name}",
                evidence=evidence,
            )

    def _object(self, option: Object) -> Iterator[Finding]:
        if self.caps.has("object-add.qom-type.memory-backend-ram"):
            # Since QEMU 6.0 the schema describes every object, ``qom-type`` being an enum; before, its QOM type does.
            value: dict[str, Value] = {"qom-type": option.qom_type, "id": option.id}
            value |= {item.name: item.value for item in option.properties}
            places = {item.name: item.place for item in option.properties}
            found = list(self._against("-object", ("object-add", "arg-type"), value, option.place, places))
            yield from found
            if not found and option.qom_type not in _BY_THE_HOST:
                # The schema has types that this binary was built without (``qapi/qom.json``, cryptodev-backend-lkcf).
                yield from self.proof.require(self.proof.supports(option.qom_type), option.place, part="qom-type")
            return
        evidence = self.proof.supports(option.qom_type)
        yield from self.proof.require(evidence, option.place, part="qom-type")
        if evidence.is_present:
            for item in option.properties:
                if isinstance(item.value, dict):
                    # Its parser makes no trees (QEMU 5.2, ``qom/object_interfaces.c``, ``user_creatable_add_opts``).
                    yield Finding(
                        kind=Kind.error,
                        place=item.place,
                        part=item.name,
                        message=f"QEMU {self.caps.version} takes no members of {item.name} with -object",
                        qemu_name=f"{option.qom_type}.{item.name}",
                        hint="QEMU 6.0 is the first that does",
                    )
                else:
                    yield from self._property(option.qom_type, item)

    def _qapi(self, option: Qapi) -> Iterator[Finding]:
        authority = _AUTHORITIES.get(option.flag, (option.command, "arg-type"))
        command, side = authority
        if not command or (side == "ret-type" and not self.caps.has(command)):
            yield from self._untold(option)
            return
        evidence = self.proof.supports(command)
        yield from self.proof.require(evidence, option.place)
        if evidence.is_present:
            value: Value = [dict(option.value)] if option.flag == "-audiodev" else dict(option.value)
            yield from self._against(option.flag, authority, value, option.place, option.places)

    def _untold(self, option: Qapi) -> Iterator[Finding]:
        """An option whose type no command of this binary has."""
        if option.flag == "-audiodev":
            for name in ("id", "driver"):
                if not isinstance(option.value.get(name), str):
                    message = f"-audiodev needs {name}, a text"
                    yield Finding(
                        kind=Kind.error, place=option.place, part=name, message=message, qemu_name="-audiodev"
                    )
        if option.flag == "-audiodev" and set(option.value) <= {"id", "driver"}:
            # Without settings a backend has nothing to it but its name.  The silent one is as old as the option (QEMU
            # 4.0), and SPICE's is built where SPICE is (``audio/meson.build``).
            driver = option.value.get("driver")
            if driver == "none" or (driver == "spice" and self.caps.has("-spice")):
                return
        if option.flag == "-compat" and all(
            value in DEPRECATION_POLICY.get(name, ()) for name, value in option.value.items()
        ):
            yield from self.proof.flag(option.flag, option.place)
            return
        note = f"no QMP command of QEMU {self.caps.version} takes or gives what {option.flag} takes"
        evidence = Evidence(fact=option.flag, verdict=Verdict.unknown, note=note)
        yield from self.proof.require(evidence, option.place)

    def _against(
        self, flag: str, authority: tuple[str, str], value: Value, place: Origin, places: Mapping[str, Origin]
    ) -> Iterator[Finding]:
        """The value of an option against a command's argument or return type."""
        schema = self.caps.schema_
        command, side = authority
        entity = schema.command(command) if schema is not None else None
        if schema is None or entity is None:
            note = f"{command} is not explained: this QEMU has no query-qmp-schema"
            yield from self.proof.require(Evidence(fact=command, verdict=Verdict.unknown, note=note), place)
            return
        found = list(misfits(schema, str(entity[side]), value))
        for misfit in found:
            # What a command returns as a list (``query-audiodevs``) has a number before the member's name.
            where = next((places[step] for step in misfit.path[:2] if step in places), place)
            yield self._misfit(flag, command, misfit, where)
        if found:
            return
        for path in find_deprecated(schema, str(entity[side]), value):
            dotted = ".".join(path)
            yield Finding(
                kind=Kind.deprecated,
                place=places.get(path[0], place),
                part=dotted,
                message=f"{dotted} is deprecated",
                qemu_name=f"{command}.{dotted}",
                evidence=Evidence(
                    fact=f"{command}.{dotted}",
                    verdict=Verdict.present,
                    note="the schema lists it with the feature deprecated",
                    command="query-qmp-schema",
                ),
            )

    def _misfit(self, flag: str, command: str, misfit: Misfit, place: Origin) -> Finding:
        # What a command returns as a list has the number of the item before each name.
        path = ".".join(misfit.path[1:] if misfit.path[:1] == ("0",) else misfit.path) or "what it says"
        fact = f"{command}.{misfit.dotted}" if misfit.path else command
        listed: list[JsonValue] = [*misfit.known]
        return Finding(
            kind=Kind.error,
            place=place,
            part=misfit.dotted,
            message=f"QEMU {self.caps.version} takes no such {flag}: {path} {misfit.message}",
            qemu_name=fact,
            evidence=Evidence(
                fact=fact,
                verdict=Verdict.absent,
                note=f"by the schema, {path} {misfit.message}",
                command="query-qmp-schema",
                reply=listed,
            ),
            hint=self.proof.hint(misfit),
        )


#: Options whose value no command takes, but one returns.
_AUTHORITIES: dict[str, tuple[str, str]] = {
    "-audiodev": ("query-audiodevs", "ret-type"),
    "-display": ("query-display-options", "ret-type"),
}
