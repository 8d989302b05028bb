"""Every option held against what the binary says of itself.

Nothing here knows an option's purpose.  ``-device`` and ``-global`` are proven by QOM types and their
properties, ``-object``, ``-blockdev``, ``-netdev`` and ``-audiodev`` by the QAPI schema, machines, CPU
models and accelerators by their lists, and other options by ``query-command-line-options``.  What is
*unknown* is not proven: it is refused, unless the caller assumes that it is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from prober.capabilities import Capabilities, Evidence, Verdict
from prober.capabilities.facts import nearest
from prober.commandline.aliases import DEVICE_ALIASES, PLAIN_OPTIONS
from prober.commandline.history import first_known_hint
from prober.commandline.options import Device, Global, Keyval, Object, Option, Plain, Property, Qapi, Value
from prober.commandline.qapi import Misfit, misfits
from prober.commandline.refusal import Place, Refusal
from prober.commandline.types import misfit_of

#: Keys of ``-device`` that qdev reads itself, and no type lists (QEMU, ``system/qdev-monitor.c``).
_QDEV_KEYS = frozenset({"driver", "id", "bus"})

#: ``-machine`` keys that this binary has proven without listing them.
_RAM_ID = "memory-backend"


def check(options: list[Option], caps: Capabilities, *, assume_unknown_present: bool = False) -> list[Refusal]:
    """All that this binary would refuse or is not known to take, each fact once, in the options' order."""
    seen: set[tuple[str | None, str]] = set()
    refusals: list[Refusal] = []
    for option in options:
        for refusal in _Checker(caps, assume_unknown_present).check(option):
            key = (refusal.qemu_name, refusal.message)
            if key not in seen:
                seen.add(key)
                refusals.append(refusal)
    return refusals


class _Checker:
    def __init__(self, caps: Capabilities, assume: bool) -> None:
        self.caps = caps
        self.assume = assume

    def check(self, option: Option) -> Iterator[Refusal]:
        match option:
            case Device():
                yield from self._device(option)
            case Global():
                yield from self._require(self.caps.supports(option.fact), option.setting.place)
                yield from self._value(option.driver, option.setting)
            case Object():
                yield from self._object(option)
            case Qapi():
                yield from self._qapi(option)
            case Keyval():
                yield from self._keyval(option)
            case Plain():
                yield from self._plain(option)

    def _require(self, evidence: Evidence, place: Place) -> Iterator[Refusal]:
        """A refusal unless the evidence is good."""
        if evidence.is_present or (self.assume and evidence.verdict is Verdict.unknown):
            return
        fact = evidence.fact
        if evidence.verdict is Verdict.unknown:
            message = f"it is not known whether QEMU {self.caps.version} has {fact}: {evidence.note}"
            hint = "record this QEMU with `prober record`, or assume that what is unknown is there"
        else:
            message = f"QEMU {self.caps.version} has no {fact}"
            hint = first_known_hint(fact) or _nearest_hint(evidence)
        yield Refusal(place=place, message=message, qemu_name=fact, evidence=evidence, hint=hint)

    def _device(self, option: Device) -> Iterator[Refusal]:
        typename = DEVICE_ALIASES.get(option.driver, option.driver)
        evidence = self.caps.supports(typename)
        if not evidence.is_present:
            yield from self._require(evidence, option.place)
            return
        for item in option.properties:
            if item.name not in _QDEV_KEYS:
                yield from self._require(self.caps.supports(f"{typename}.{item.name}"), item.place)
                yield from self._value(typename, item)

    def _value(self, typename: str, item: Property) -> Iterator[Refusal]:
        """Whether a value fits its property's type, where both are known."""
        known = self.caps.property_of(typename, item.name)
        if known is None:
            return
        misfit = misfit_of(known, item.value)
        if misfit:
            yield Refusal(place=item.place, message=misfit, qemu_name=f"{typename}.{item.name}")

    def _object(self, option: Object) -> Iterator[Refusal]:
        if self.caps.has(f"object-add.qom-type.{option.qom_type}"):
            # Since QEMU 6.0 the schema describes every object; before, its QOM type does.
            value: dict[str, Value] = {"qom-type": option.qom_type, "id": option.id}
            value |= {item.name: item.value for item in option.properties}
            yield from self._against(("object-add", "arg-type"), value, option.place, {})
            return
        evidence = self.caps.supports(option.qom_type)
        yield from self._require(evidence, option.place)
        if evidence.is_present:
            for item in option.properties:
                yield from self._require(self.caps.supports(f"{option.qom_type}.{item.name}"), item.place)
                yield from self._value(option.qom_type, item)

    def _qapi(self, option: Qapi) -> Iterator[Refusal]:
        if not option.command:
            # -audiodev: no command takes an Audiodev, but one returns them (QEMU 8.0).
            if self.caps.has("query-audiodevs"):
                yield from self._against(("query-audiodevs", "ret-type"), [dict(option.value)], option.place, {})
            return
        evidence = self.caps.supports(option.command)
        yield from self._require(evidence, option.place)
        if evidence.is_present:
            yield from self._against((option.command, "arg-type"), dict(option.value), option.place, option.places)

    def _against(self, authority: tuple[str, str], value: Value, place: Place, places: object) -> Iterator[Refusal]:
        """A value against a command's argument or return type."""
        schema = self.caps.schema_
        command, side = authority
        entity = schema.command(command) if schema is not None else None
        if schema is None or entity is None:
            yield from self._require(_untold(command), place)
            return
        for misfit in misfits(schema, str(entity[side]), value):
            where = places.get(misfit.path[0], place) if isinstance(places, dict) and misfit.path else place
            yield _misfit_refusal(self.caps, command, misfit, where)

    def _keyval(self, option: Keyval) -> Iterator[Refusal]:
        match option.flag:
            case "-machine":
                yield from self._machine(option)
            case "-cpu":
                yield from self._listed(option, self.caps.cpu_models, "query-cpu-definitions", "CPU model")
            case "-accel":
                yield from self._accelerator(option)
            case _:
                group = f"-{option.group or option.flag[1:]}"
                if option.flag == "-chardev" and self.caps.schema_text is not None:
                    yield from self._require(
                        self.caps.supports(f"chardev-add.backend.type.{option.first}"), option.place
                    )
                evidence = self.caps.supports(group)
                yield from self._require(evidence, option.place)
                for item in option.pairs if evidence.is_present else ():
                    if item.name != "id":  # which every option takes, and none lists (QEMU, util/qemu-option.c)
                        yield from self._require(self.caps.supports(f"{group}.{item.name}"), item.place)

    def _machine(self, option: Keyval) -> Iterator[Refusal]:
        machine = self.caps.machine(option.first)
        if machine is None:
            machines = (self.caps.machines or {}).values()
            names = [machine.name for machine in machines] + [machine.alias for machine in machines if machine.alias]
            yield from self._listed(option, dict.fromkeys(names), "query-machines", "machine")
            return
        asked = f"{machine.name}-machine" in self.caps.properties
        for item in option.pairs:
            if item.name == "accel":
                # Read before the machine is made, and by it no more (QEMU, vl.c, up to 2.8).
                yield from self._require(self.caps.supports("-machine.accel"), item.place)
            elif item.name == _RAM_ID and machine.default_ram_id is not None and not asked:
                continue  # default-ram-id is what memory-backend replaces, and came with it (QEMU 5.0)
            else:
                subject = machine.name if asked else "-machine"
                yield from self._require(self.caps.supports(f"{subject}.{item.name}"), item.place)

    def _accelerator(self, option: Keyval) -> Iterator[Refusal]:
        kvm = self.caps.kvm
        evidence = self.caps.supports(f"{option.first}-accel")
        if option.first == "kvm" and kvm is not None and not kvm.present:
            reply: JsonValue = {"present": False}
            note = "query-kvm says that this QEMU was built without it"
            evidence = Evidence(fact="kvm-accel", verdict=Verdict.absent, note=note, command="query-kvm", reply=reply)
        yield from self._require(evidence, option.place)

    def _listed(self, option: Keyval, known: object, command: str, noun: str) -> Iterator[Refusal]:
        """The first word, in a list of names."""
        if known is None:
            yield from self._require(_untold(command), option.place)
            return
        assert isinstance(known, dict)
        if option.first not in known:
            names: list[JsonValue] = [*sorted(known)]
            note = f"{command} lists {len(names)} {noun}s, {option.first} is not among them"
            evidence = Evidence(fact=option.first, verdict=Verdict.absent, note=note, command=command, reply=names)
            near = nearest(option.first, known)
            yield Refusal(
                place=option.place,
                message=f"QEMU {self.caps.version} has no {noun} {option.first}",
                qemu_name=option.first,
                evidence=evidence,
                hint=f"did you mean {' or '.join(near)}?" if near else "",
            )

    def _plain(self, option: Plain) -> Iterator[Refusal]:
        if option.flag == "-no-acpi" and self._takes_no_acpi():
            return
        if option.flag not in PLAIN_OPTIONS:
            note = f"no QMP answer tells of {option.flag}"
            yield from self._require(Evidence(fact=option.flag, verdict=Verdict.unknown, note=note), option.place)

    def _takes_no_acpi(self) -> bool:
        """``-no-acpi`` went when machines began to say whether they have ACPI (QEMU 8.0, ``query-machines``)."""
        return all(machine.acpi is None for machine in (self.caps.machines or {}).values())


def _untold(command: str) -> Evidence:
    return Evidence(fact=command, verdict=Verdict.unknown, note=f"{command} was never asked, or is not explained")


def _misfit_refusal(caps: Capabilities, command: str, misfit: Misfit, place: Place) -> Refusal:
    fact = f"{command}.{misfit.dotted}" if misfit.path else command
    near = nearest(misfit.path[-1], misfit.known) if misfit.path and misfit.known else []
    listed: list[JsonValue] = [*misfit.known]
    evidence = Evidence(
        fact=fact,
        verdict=Verdict.absent,
        note=f"the schema says: {misfit.dotted} {misfit.message}",
        command="query-qmp-schema",
        reply=listed,
    )
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    message = f"QEMU {caps.version} does not take {fact}: it {misfit.message}"
    return Refusal(place=place, message=message, qemu_name=fact, evidence=evidence, hint=hint)


def _nearest_hint(evidence: Evidence) -> str:
    if not isinstance(evidence.reply, list):
        return ""
    name = evidence.fact.rpartition(".")[2]
    near = nearest(name, [str(item) for item in evidence.reply])
    return f"did you mean {' or '.join(near)}?" if near else ""
