"""Every option held against what the binary says of itself.

Nothing here knows an option's purpose.  ``-device`` and ``-global`` are proven by QOM types and their properties,
``-object``, ``-blockdev``, ``-netdev``, ``-audiodev`` and ``-display`` by the QAPI schema, machines, CPU models and
accelerators by their lists, and other options by ``query-command-line-options``.  What no answer tells is *unknown*,
never a guess.  The same check serves a command line that a domain came to, and one that was typed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import chain

from prober.capabilities import Capabilities
from prober.commandline.buses import check_buses
from prober.commandline.devices import check_device, check_global
from prober.commandline.flags import is_of_other_targets
from prober.commandline.grounds import Grounds
from prober.commandline.kept import KeptPerBinary
from prober.commandline.keys import check_keys
from prober.commandline.line import Line
from prober.commandline.listed import check_listed
from prober.commandline.named import check_accelerator, check_cpu, check_machine
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Qapi, Value
from prober.commandline.overruled import without_overruled
from prober.commandline.plain import check_plain
from prober.commandline.references import check_references, check_reserved
from prober.commandline.refusal import Finding, Kind
from prober.commandline.rules.table import check_rules
from prober.commandline.trees import check_object, check_tree
from prober.commandline.unused import find_unused, soften

#: How many sound options are remembered of a binary before all are forgotten: anybody may ask for anything.
_REMEMBERED = 4096

#: Options that were found sound, and those that are if all is there that the binary was not asked for.
SOUND_OPTIONS: KeptPerBinary[set[Hashable]] = KeptPerBinary(set)
ASSUMED_OPTIONS: KeptPerBinary[set[Hashable]] = KeptPerBinary(set)


def check(
    options: Iterable[Option],
    caps: Capabilities,
    *,
    assume_unknown_present: bool = False,
    written: Iterable[Hashable | None] | None = None,
    program: str = "",
) -> list[Finding]:
    """All that this binary would refuse, ignore or warn of, or is not known to take; each thing once.

    In the order of the options; what concerns several of them (references, globals without a device) comes last.
    ``assume_unknown_present`` leaves out what is said of facts that the binary was never asked for.  ``written`` has
    for each option what it is remembered by: the words that it is written as, or None where it is not to be.
    ``program`` is the name by which the binary is run, which decides on the accelerator where nothing else does.
    """
    options = list(options)
    line = Line.of(options, caps, program)
    each = check_each(options, caps, assume_unknown_present=assume_unknown_present, written=written)
    found = [
        *(soften(each, line) if line.settings else each),
        *check_references(line),
        *check_reserved(line),
        *check_buses(line),
        *check_rules(line),
        *find_unused(line),
    ]
    return _once(without_overruled(found, line, Grounds(caps, assume_unknown_present=assume_unknown_present)))


def check_each(
    options: Iterable[Option],
    caps: Capabilities,
    *,
    assume_unknown_present: bool = False,
    written: Iterable[Hashable | None] | None = None,
) -> list[Finding]:
    """What concerns each option by itself, for options that are not all of a command line.

    What was found sound is remembered: ``-sandbox`` and ``-machine`` are the same for every domain of a host, and a
    domain is asked for again and again.  It is remembered by its words, where these are known, else by its parts.
    """
    options = list(options)
    grounds = Grounds(caps, assume_unknown_present=assume_unknown_present)
    sound = (ASSUMED_OPTIONS if assume_unknown_present else SOUND_OPTIONS).of(caps)
    found: list[Finding] = []
    for option, key in zip(options, map(_key, options) if written is None else written, strict=True):
        if key in sound:  # None never is
            continue
        about = list(_check_one(option, grounds))
        found += about
        if not about and key is not None:
            if len(sound) >= _REMEMBERED:
                sound.clear()
            sound.add(key)
    return _once(found)


def _key(option: Option) -> Hashable | None:
    """All that the findings about an option depend on, beside the binary; None where that has no simple form."""
    match option:
        case DeviceOption():
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


def _check_one(option: Option, grounds: Grounds) -> Iterator[Finding]:
    """The findings about one option by itself."""
    if isinstance(option, (Plain, Keyval)):
        caps = grounds.caps
        if is_of_other_targets(option.flag, caps.target, caps.version.numbers):
            message = f"QEMU {caps.version} for {caps.target} has no {option.flag}: it is for other targets"
            return iter([Finding(kind=Kind.error, place=option.place, message=message, rule="option/flag")])
    match option:
        case DeviceOption():
            return check_device(option, grounds)
        case Global():
            return check_global(option, grounds)
        case Object():
            return check_object(option, grounds)
        case Qapi():
            return check_tree(option, grounds)
        case Plain():
            return check_plain(option, grounds)
        case Keyval(flag="-machine"):
            return check_machine(option, grounds)
        case Keyval(flag="-cpu"):
            return check_cpu(option, grounds)
        case Keyval(flag="-accel"):
            return check_accelerator(option, grounds)
    return chain(check_listed(option, grounds), check_keys(option, grounds))
