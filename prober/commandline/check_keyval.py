"""Options with keys: ``-machine``, ``-cpu``, ``-accel``, and all that ``query-command-line-options`` lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from prober.capabilities import Evidence, Verdict
from prober.capabilities.facts import did_you_mean
from prober.capabilities.models import OptionKey
from prober.commandline.keys import check_keys, pairs_of
from prober.commandline.options import Keyval, Property
from prober.commandline.proof import Proof
from prober.commandline.refusal import Finding, Kind
from prober.commandline.text import Text, as_number, as_size, as_switch
from prober.commandline.types import misfit_of

#: A ``-machine`` key that a binary proves without listing it.
_RAM_ID = "memory-backend"

#: Keys that every option of ``QemuOpts`` takes, and none lists (QEMU, ``util/qemu-option.c``).
_EVERYWHERE = frozenset({"id"})

#: Keys that an option takes besides those it lists: numbered ones of lists.
_NUMBERED = {"-spice": ("tls-channel", "plaintext-channel")}


def check_keyval(option: Keyval, proof: Proof) -> Iterator[Finding]:
    """The findings about one option with keys."""
    match option.flag:
        case "-machine":
            yield from _machine(option, proof)
        case "-cpu":
            yield from _cpu(option, proof)
        case "-accel":
            yield from _accelerator(option, proof)
        case _:
            yield from _listed_option(option, proof)
            yield from check_keys(option, proof)


def _listed_option(option: Keyval, proof: Proof) -> Iterator[Finding]:
    caps, group = proof.caps, f"-{option.group or option.flag[1:]}"
    if option.flag == "-chardev":
        if caps.schema_text is not None:
            is_gone = option.first in _GONE_BACKENDS and caps.version.numbers >= _GONE_SINCE
            backend = option.first if is_gone else _BACKENDS.get(option.first, option.first)
            yield from proof.require(
                proof.supports(f"chardev-add.backend.type.{backend}"), option.place, part="backend"
            )
        if not any(item.name == "id" for item in option.pairs):
            yield Finding(kind=Kind.error, place=option.place, part="id", message="-chardev needs an id")
    evidence = proof.supports(group)
    yield from proof.require(evidence, option.place)
    keys = {key.name: key for key in (caps.options or {}).get(group[1:], ())}
    if not evidence.is_present or not keys:
        return  # an option that lists no keys takes any, and reads them elsewhere
    for item in pairs_of(option):
        if item.name in _EVERYWHERE or item.name in _NUMBERED.get(option.flag, ()):
            continue
        evidence = proof.supports(f"{group}.{item.name}")
        if not evidence.is_present and option.flag == "-drive":
            evidence = _drive_key(item.name, evidence, proof)
        yield from proof.require(evidence, item.place, part=item.name)
        if item.name in keys:
            yield from _key_value(option, item, keys[item.name], proof)


#: Keys of ``-drive`` that QEMU translates before it looks at its list (``blockdev.c``, ``drive_new``, ``opt_renames``).
_DRIVE_LEGACY = frozenset({
    "bps", "bps_max", "bps_rd", "bps_rd_max", "bps_wr", "bps_wr_max", "cache", "group", "iops", "iops_max", "iops_rd",
    "iops_rd_max", "iops_size", "iops_wr", "iops_wr_max", "readonly",
})  # fmt: skip


def _drive_key(key: str, listed: Evidence, proof: Proof) -> Evidence:
    """A key that ``-drive`` does not list is one of the old names, or the block driver's."""
    schema = proof.caps.schema_
    if key in _DRIVE_LEGACY:
        return Evidence(fact=listed.fact, verdict=Verdict.present, note=f"-drive translates {key}")
    if schema is None or schema.command("blockdev-add") is None:
        note = "what -drive takes besides is the block driver's, and this QEMU has no schema of them"
        return Evidence(fact=listed.fact, verdict=Verdict.unknown, note=note)
    path = key.split(".")
    if schema.find_member("blockdev-add", path)[0] == "found":
        return proof.supports(f"blockdev-add.{key}")
    if len(path) > 1:
        note = "a block driver has names of its own for some members, which the schema does not list"
        return Evidence(fact=listed.fact, verdict=Verdict.unknown, note=note)
    return listed


#: Names that ``-chardev`` takes for a backend, and the schema does not (QEMU, ``chardev/char.c``), and those of them
#: that are gone from 8.0 on (QEMU, ``docs/about/removed-features.rst``; seen to be there in 7.2, and not in 10.0).
_BACKENDS: Mapping[str, str] = {"tty": "serial", "parport": "parallel", "memory": "ringbuf"}
_GONE_BACKENDS, _GONE_SINCE = frozenset({"tty", "parport"}), (8, 0, 0)


#: What a value is, by what ``query-command-line-options`` calls it.
_KEY_WORDS: Mapping[str, str] = {"boolean": "on or off", "number": "a number", "size": "a size like 512M"}


def _key_value(option: Keyval, item: Property, key: OptionKey, proof: Proof) -> Iterator[Finding]:
    """A value against the type of its key: string, boolean, number or size."""
    if not isinstance(item.value, Text):
        return
    text = str(item.value)
    number = as_number(text)
    match key.type:
        case "boolean":
            fits = as_switch(text, short=proof.caps.version.numbers >= (5, 2, 0)) is not None
        case "number":
            # A negative number is one modulo 2⁶⁴ to QEMU, as ``-boot reboot-timeout=-1``.
            fits = number is not None and -(2**63) <= number < 2**64
        case "size":
            size = as_size(text)
            fits = size is not None and size < 2**64
        case _:
            # A switch until QEMU 9.2, of three words from 10.0 on (``system/vl.c``).
            fits = (option.flag, item.name) != ("-overcommit", "mem-lock") or text in ("on", "off", "on-fault")
    if not fits:
        yield Finding(
            kind=Kind.error,
            place=item.place,
            part=item.name,
            message=f"{option.flag} {item.name} is {_KEY_WORDS.get(key.type, 'on, off or on-fault')}, not {text!r}",
            qemu_name=f"{option.flag}.{item.name}",
        )


def _machine(option: Keyval, proof: Proof) -> Iterator[Finding]:
    caps = proof.caps
    machine = caps.machine(option.first) if option.first else caps.accelerator.default_machine
    if machine is None:
        machines = (caps.machines or {}).values()
        names = [machine.name for machine in machines] + [machine.alias for machine in machines if machine.alias]
        yield from _in_list(option, names if caps.machines is not None else None, "query-machines", "machine", proof)
        return
    if machine.deprecated:
        yield Finding(
            kind=Kind.deprecated,
            place=option.place,
            part="type",
            message=f"machine {machine.name} is deprecated",
            qemu_name=machine.name,
            evidence=proof.supports(machine.name),
        )
    typename = f"{machine.name}-machine"
    asked = caps.knows_properties_of(typename)
    for item in option.pairs:
        name = item.name.partition(".")[0]
        if item.name == "accel":
            # Read before the machine is made, and not by it (QEMU, ``system/vl.c``).
            yield from _accelerator_names(option, item, proof)
        elif name == _RAM_ID and machine.default_ram_id is not None and not asked:
            continue  # default-ram-id is what memory-backend replaces, and came with it (QEMU 5.0)
        else:
            yield from _machine_key(machine.name, name, item, asked, proof)
            known = caps.property_of(typename, name)
            # Here a switch is written on or off, also to what is no bool.
            value = Text("on" if item.value else "off") if isinstance(item.value, bool) else item.value
            misfit = misfit_of(known, value) if known is not None and name == item.name else ""
            if misfit:
                fact = f"{machine.name}.{name}"
                yield Finding(kind=Kind.error, place=item.place, part=item.name, message=misfit, qemu_name=fact)


#: Keys of ``-machine`` that QEMU hands on to the accelerator (``system/vl.c``, ``machine_merge_property`` and before).
_OF_ACCELERATOR = frozenset({"kernel-irqchip", "kvm-shadow-mem"})


def _machine_key(machine: str, name: str, item: Property, asked: bool, proof: Proof) -> Iterator[Finding]:
    """A key of ``-machine``: a property of the machine's type; underscores are dashes (QEMU, ``hw/core/machine.c``)."""
    dashed = name.replace("_", "-")
    if dashed in _OF_ACCELERATOR:
        return
    subject = machine if asked else "-machine"
    evidence = proof.supports(f"{subject}.{name}")
    if not evidence.is_present and dashed != name:
        evidence = proof.supports(f"{subject}.{dashed}")
    if not asked and evidence.verdict is Verdict.absent:
        # The list of keys leaves out what only some machines have, so it proves no absence.
        note = f"the properties of {machine}-machine were never asked, and query-command-line-options leaves some out"
        evidence = Evidence(fact=f"{machine}.{name}", verdict=Verdict.unknown, note=note)
    yield from proof.require(evidence, item.place, part=item.name)


def _accelerator_names(option: Keyval, item: Property, proof: Proof) -> Iterator[Finding]:
    """``accel=kvm:tcg``: QEMU takes the first that works, so one that is known is enough."""
    names = str(item.value).split(":")
    found = [finding for name in names for finding in _one_accelerator(name, item, proof)]
    if len(found) == len(names):
        yield from found


def _accelerator(option: Keyval, proof: Proof) -> Iterator[Finding]:
    item = Property("accel", option.first, option.place)
    yield from _one_accelerator(option.first, item, proof)
    typename = f"{option.first}-accel"
    if not proof.caps.knows_properties_of(typename):
        return
    for pair in option.pairs:
        yield from proof.require(proof.supports(f"{typename}.{pair.name}"), pair.place, part=pair.name)
        known = proof.caps.property_of(typename, pair.name)
        misfit = misfit_of(known, pair.value) if known is not None else ""
        if misfit:
            fact = f"{typename}.{pair.name}"
            yield Finding(kind=Kind.error, place=pair.place, part=pair.name, message=misfit, qemu_name=fact)


def _one_accelerator(name: str, item: Property, proof: Proof) -> Iterator[Finding]:
    kvm = proof.caps.kvm
    evidence = proof.supports(f"{name}-accel") if name else None
    if name == "kvm" and kvm is not None and not kvm.present:
        reply: JsonValue = {"present": False}
        note = "query-kvm says that this QEMU was built without it"
        evidence = Evidence(fact="kvm-accel", verdict=Verdict.absent, note=note, command="query-kvm", reply=reply)
    elif name in ("kvm", "tcg") and not (proof.caps.has("kvm-accel") or proof.caps.has("tcg-accel")):
        return  # accelerators became types in QEMU 2.3; the two were there before
    if evidence is not None:
        yield from proof.require(evidence, item.place, part="accel")


def _cpu(option: Keyval, proof: Proof) -> Iterator[Finding]:
    caps = proof.caps
    models = caps.cpu_models
    name = option.first
    model = (models or {}).get(name) or next(
        (model for model in (models or {}).values() if model.typename == name), None
    )
    if model is None:
        yield from _in_list(option, None if models is None else [*models], "query-cpu-definitions", "CPU model", proof)
        return
    if model.deprecated:
        yield Finding(
            kind=Kind.deprecated,
            place=option.place,
            part="model",
            message=f"CPU model {name} is deprecated",
            qemu_name=name,
            evidence=proof.supports(name),
        )
    typename = model.typename or f"{name}-{caps.target}-cpu"
    if not caps.knows_properties_of(typename):
        for item in option.pairs if not proof.assume_unknown_present else ():
            note = f"the features of CPU model {name} were never asked"
            evidence = Evidence(fact=f"{name}.{item.name}", verdict=Verdict.unknown, note=note)
            yield from proof.require(evidence, item.place, part=item.name)
        return
    for item in option.pairs:
        known = caps.property_of(typename, item.name) or caps.property_of(typename, item.name.replace("_", "-"))
        if known is None:
            yield from proof.require(proof.supports(f"{typename}.{item.name}"), item.place, part=item.name)
            continue
        misfit = misfit_of(known, item.value)
        if misfit:
            fact = f"{typename}.{known.name}"
            yield Finding(kind=Kind.error, place=item.place, part=item.name, message=misfit, qemu_name=fact)


def _in_list(option: Keyval, known: list[str] | None, command: str, noun: str, proof: Proof) -> Iterator[Finding]:
    """The first word is in no list of names, or there was none to look at."""
    if known is None:
        note = f"{command} was never asked"
        yield from proof.require(Evidence(fact=option.first, verdict=Verdict.unknown, note=note), option.place)
        return
    names: list[JsonValue] = [*sorted(known)]
    note = f"{command} lists {len(names)} {noun}s, {option.first} is not among them"
    near = proof.nearest(option.first, known)
    yield Finding(
        kind=Kind.error,
        place=option.place,
        part=noun.rpartition(" ")[2],
        message=f"QEMU {proof.caps.version} has no {noun} {option.first}",
        qemu_name=option.first,
        evidence=Evidence(fact=option.first, verdict=Verdict.absent, note=note, command=command, reply=names),
        hint=did_you_mean(near),
    )
