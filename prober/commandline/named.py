"""``-machine``, ``-cpu`` and ``-accel``: each names something that the binary has, whose properties its keys are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from prober.capabilities import Capabilities, Evidence, QomProperty, Verdict
from prober.capabilities.facts import did_you_mean
from prober.capabilities.models import CpuModel, Machine
from prober.commandline.grounds import Grounds, unfit_value
from prober.commandline.options import Keyval, Property
from prober.commandline.refusal import Finding, Kind
from prober.commandline.replaced import replacement
from prober.commandline.text import Text, as_size
from prober.commandline.types import misfit_of

#: A ``-machine`` key that a binary proves without listing it.
_RAM_ID = "memory-backend"

#: Another name of ``tsc-frequency``, with units (of 1000 each): no property (``target/i386/cpu.c``,
#: ``x86_cpu_parse_featurestr``).
_FREQUENCY = "tsc-freq"

#: Keys of ``-machine`` that QEMU hands on to the accelerator (``system/vl.c``, ``machine_merge_property`` and before).
_OF_ACCELERATOR = frozenset({"kernel-irqchip", "kvm-shadow-mem"})


#: The first version that reads ``-machine`` as a tree (``system/vl.c``, ``keyval_parse_into``).
_NO_IDS = (6, 1, 0)


def check_machine(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """There is such a machine, and it has the properties."""
    caps = grounds.caps
    machine = caps.machine(option.first) if option.first else caps.accelerator.default_machine
    if machine is None:
        machines = (caps.machines or {}).values()
        names = [machine.name for machine in machines] + [machine.alias for machine in machines if machine.alias]
        yield from _in_list(option, names if caps.machines is not None else None, "query-machines", "machine", grounds)
        return
    if machine.deprecated:
        yield _deprecated(option, "machine", machine.name, grounds)
    for item in option.pairs:
        if item.name == "id" and caps.version.numbers < _NO_IDS:
            continue  # every option of ``QemuOpts`` has one
        if item.name == "accel":
            # Read before the machine is made, and not by it (QEMU, ``system/vl.c``).
            yield from _accelerators(item, grounds)
        elif not _is_ram_id(item, machine, grounds):
            yield from _machine_key(machine, item, grounds)
            yield from _machine_value(machine, item, grounds)


def _is_ram_id(item: Property, machine: Machine, grounds: Grounds) -> bool:
    """Whether a key is there though the machine's properties were never asked: ``default-ram-id`` is what
    ``memory-backend`` replaces, and came with it (QEMU 5.0)."""
    return (
        item.name.partition(".")[0] == _RAM_ID
        and machine.default_ram_id is not None
        and not grounds.caps.knows_properties_of(f"{machine.name}-machine")
    )


def _machine_key(machine: Machine, item: Property, grounds: Grounds) -> Iterator[Finding]:
    """A key of ``-machine``: a property of the machine's type; underscores are dashes (QEMU, ``hw/core/machine.c``)."""
    name = item.name.partition(".")[0]
    dashed = name.replace("_", "-")
    typename = f"{machine.name}-machine"
    if dashed in _OF_ACCELERATOR or grounds.caps.property_of(typename, name) is not None:
        return
    asked = grounds.caps.knows_properties_of(typename)
    subject = machine.name if asked else "-machine"
    evidence = grounds.supports(f"{subject}.{name}")
    if not evidence.is_present and dashed != name:
        evidence = grounds.supports(f"{subject}.{dashed}")
    if not asked and evidence.verdict is Verdict.absent:
        # The list of keys leaves out what only some machines have, so it proves no absence.
        note = f"the properties of {typename} were never asked, and query-command-line-options leaves some out"
        evidence = Evidence(fact=f"{machine.name}.{name}", verdict=Verdict.unknown, note=note)
    yield from grounds.require(evidence, item.place, part=item.name, rule="option/property")


def _machine_value(machine: Machine, item: Property, grounds: Grounds) -> Iterator[Finding]:
    known = grounds.caps.property_of(f"{machine.name}-machine", item.name)
    # Here a switch is written on or off, also to what is no bool.
    value = Text("on" if item.value else "off") if isinstance(item.value, bool) else item.value
    unfit = misfit_of(known, value) if known is not None and "." not in item.name else None
    if unfit is not None:
        yield unfit_value(unfit, item, f"{machine.name}.{item.name}")


def check_accelerator(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """There is such an accelerator, and it has the properties."""
    yield from _accelerator(option.first, Property("accel", option.first, option.place), grounds)
    typename = f"{option.first}-accel"
    if grounds.caps.knows_properties_of(typename):
        for item in option.pairs:
            yield from _key(typename, item, grounds.caps.property_of(typename, item.name), grounds)


def _key(typename: str, item: Property, known: QomProperty | None, grounds: Grounds) -> Iterator[Finding]:
    """A key that is a property of an accelerator or CPU model, and its value."""
    if known is None:
        evidence = grounds.supports(f"{typename}.{item.name}")
        yield from grounds.require(evidence, item.place, part=item.name, rule="option/property")
        return
    unfit = misfit_of(known, item.value)
    if unfit is not None:
        yield unfit_value(unfit, item, f"{typename}.{known.name}")


def _accelerators(item: Property, grounds: Grounds) -> Iterator[Finding]:
    """``accel=kvm:tcg``: QEMU takes the first that works, so one that is known is enough."""
    names = str(item.value).split(":")
    found = [finding for name in names for finding in _accelerator(name, item, grounds)]
    if len(found) == len(names):
        yield from found


def _accelerator(name: str, item: Property, grounds: Grounds) -> Iterator[Finding]:
    kvm = grounds.caps.kvm
    evidence = grounds.supports(f"{name}-accel") if name else None
    if name == "kvm" and kvm is not None and not kvm.present:
        reply: JsonValue = {"present": False}
        note = "query-kvm says that this QEMU was built without it"
        evidence = Evidence(fact="kvm-accel", verdict=Verdict.absent, note=note, command="query-kvm", reply=reply)
    elif name in ("kvm", "tcg") and not (grounds.caps.has("kvm-accel") or grounds.caps.has("tcg-accel")):
        return  # accelerators became types in QEMU 2.3; the two were there before
    if evidence is not None:
        yield from grounds.require(evidence, item.place, part="accel", rule="option/accelerator")


#: What QEMU calls the type of a CPU model: ``rv64-riscv-cpu``.
_CPU_TYPE = re.compile(r".+-[^-]+-cpu")


def check_cpu(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """There is such a model, and it has the features."""
    models = grounds.caps.cpu_models
    model = _cpu_model(option.first, models or {}) if models is not None else _of_types(option.first, grounds.caps)
    if model is None:
        yield from _in_list(
            option, None if models is None else [*models], "query-cpu-definitions", "CPU model", grounds
        )
        return
    if model.deprecated:
        yield _deprecated(option, "CPU model", option.first, grounds)
    typename = model.typename or f"{option.first}-{grounds.caps.target}-cpu"
    if grounds.caps.knows_properties_of(typename):
        for item in option.pairs:
            if item.name.replace("_", "-") == _FREQUENCY and as_size(str(item.value)) is not None:
                continue
            yield from _key(typename, item, _feature(typename, item.name, grounds.caps), grounds)
        return
    note = f"the features of CPU model {option.first} were never asked"
    for item in option.pairs:
        fact = f"{option.first}.{item.name}"
        yield from grounds.unknown(fact, note, item.place, part=item.name, rule="option/property")


def _feature(typename: str, name: str, caps: Capabilities) -> QomProperty | None:
    """A feature; old spellings have underscores."""
    return caps.property_of(typename, name) or caps.property_of(typename, name.replace("_", "-"))


def _cpu_model(name: str, models: Mapping[str, CpuModel]) -> CpuModel | None:
    """A model by its name or that of its type."""
    return models.get(name) or next((model for model in models.values() if model.typename == name), None)


def _of_types(name: str, caps: Capabilities) -> CpuModel | None:
    """A model by the name of its type, where no question tells the models (RISC-V before QEMU 8.1, others later)."""
    typename = next(
        (one for one in caps.types or () if _CPU_TYPE.fullmatch(one) and one.rsplit("-", 2)[0] == name), None
    )
    return None if typename is None else CpuModel(name=name, typename=typename)


def _deprecated(option: Keyval, noun: str, name: str, grounds: Grounds) -> Finding:
    return Finding(
        kind=Kind.deprecated,
        place=option.place,
        part="type" if noun == "machine" else "model",
        message=f"{noun} {name} is deprecated",
        qemu_name=name,
        evidence=grounds.supports(name),
        rule="option/deprecated",
    )


def _in_list(option: Keyval, known: list[str] | None, command: str, noun: str, grounds: Grounds) -> Iterator[Finding]:
    """The first word is in no list of names, or there was none to look at."""
    if known is None:
        note = f"{command} was never asked"
        yield from grounds.unknown(option.first, note, option.place, rule="option/name")
        return
    names: list[JsonValue] = [*sorted(known)]
    note = f"{command} lists {len(names)} {noun}s, {option.first} is not among them"
    near = grounds.nearest(option.first, known)
    yield Finding(
        kind=Kind.error,
        place=option.place,
        part=noun.rpartition(" ")[2],
        message=f"QEMU {grounds.caps.version} has no {noun} {option.first}",
        qemu_name=option.first,
        evidence=Evidence(
            fact=option.first,
            verdict=Verdict.absent,
            note=note,
            command=command,
            reply=names,
            suggestions=tuple(near),
        ),
        hint=replacement(option.first) or did_you_mean(near),
        rule="option/name",
    )
