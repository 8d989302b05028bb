"""What a later option overrules, and QEMU never looks at: nothing is wrong with it.

Most options are read where they stand, and what is wrong in one of them is, whatever comes after.  Of a few QEMU keeps
the last text alone (``system/vl.c``, ``qemu_init``), and of some it keeps the last value of each key.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from prober.commandline.grounds import Grounds
from prober.commandline.keys import pairs_of
from prober.commandline.line import Line, switch
from prober.commandline.named import check_machine
from prober.commandline.options import Keyval
from prober.commandline.refusal import NOT_INSTALLED, Finding, Origin

_EVER = (0, 0, 0)
_ALWAYS = (1000, 0, 0)

#: Options of which the last text alone is read, and the versions (from, before) in which that is so: all four of 5.2,
#: 7.2, 10.0 and 11.1 were asked, and of those between two that differ it is taken to be so.
_LAST = MappingProxyType(
    {
        "-cpu": (_EVER, _ALWAYS),
        "-vga": (_EVER, _ALWAYS),
        "-d": (_EVER, _ALWAYS),
        "-incoming": (_EVER, (10, 0, 0)),
        "-watchdog-action": ((6, 0, 0), _ALWAYS),
    }
)

#: Options of whose keys the last value is read, the same way.
_LAST_OF_KEY = MappingProxyType({"-action": _EVER, "-machine": (6, 0, 0), "-rtc": _EVER, "-smp": (6, 0, 0)})

#: Keys of ``-sandbox`` that take a word.
_SANDBOX = frozenset({"obsolete", "elevateprivileges", "spawn", "resourcecontrol"})

#: Keys of ``-machine`` that were never read before all options were.
_KEPT_FOR_LATER = ("accel",)


def without_overruled(found: list[Finding], line: Line, grounds: Grounds) -> list[Finding]:
    """All that is found but what is of options, or values, that do not count."""
    if not found:
        return found
    places = set(_places(line))
    values = set(_values(line))
    others = {option.place: option for option in _of_other_machine(line)}
    kept = [one for one in found if one.place not in places and not (one.place in others and _is_own(one))]
    for option in others.values():
        as_it_ends = Keyval("-machine", _name(line), option.pairs, option.place, option.group)
        kept += check_machine(as_it_ends, grounds)
    return [one for one in kept if (one.place, one.part) not in values and not _is_unused_display(one, line)]


def _is_unused_display(one: Finding, line: Line) -> bool:
    """Whether a display is not built in, and another is shown after all."""
    last = line.qapi.get("-display", [])[-1:]
    return one.rule == NOT_INSTALLED and any(
        option.place == one.place != last[0].place for option in line.qapi.get("-display", ())
    )


def _is_own(one: Finding) -> bool:
    """Whether a finding is of an option by itself."""
    return one.rule.startswith("option/")


def _name(line: Line) -> str:
    return line.machine.name if line.machine is not None else ""


def _of_other_machine(line: Line) -> Iterator[Keyval]:
    """Each ``-machine`` that was held against another machine than the one that the line ends up with."""
    options = line.keyval.get("-machine", [])
    if len(options) > 1 and line.machine is not None:
        for option in options:
            machine = line.caps.machine(option.first) if option.first else line.caps.accelerator.default_machine
            if machine is None or machine.name != line.machine.name:
                yield option


def _places(line: Line) -> Iterator[Origin]:
    version = line.caps.version.numbers
    for flag, (since, until) in _LAST.items():
        if since <= version < until:
            options = [*line.plain.get(flag, ()), *line.keyval.get(flag, ())]
            yield from [option.place for option in options[:-1]]
    names = [option.first for option in line.keyval.get("-accel", ())]
    if len(names) > 1 and any(map(line.has_accelerator, names)):
        for option in line.keyval["-accel"]:
            # At one without a name QEMU lists all that it has, and ends.
            if option.first and not line.has_accelerator(option.first):
                yield option.place


def _values(line: Line) -> Iterator[tuple[Origin, str]]:
    version = line.caps.version.numbers
    for flag, since in _LAST_OF_KEY.items():
        options = line.keyval.get(flag, [])
        later: set[str] = set()
        for option in reversed(options):
            names = [item.name for item in pairs_of(option)]
            for name in names:
                if name in later and (version >= since or name in _KEPT_FOR_LATER):
                    yield option.place, name
            later.update(names)

    for option in line.keyval.get("-sandbox", ()):
        pairs = pairs_of(option)
        # A sandbox that is off reads none of its words (``system/qemu-seccomp.c``, ``parse_sandbox``).
        if switch(next((item.value for item in reversed(pairs) if item.name == "enable"), False)) is False:
            yield from [(option.place, item.name) for item in pairs if item.name in _SANDBOX]
