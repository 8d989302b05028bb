"""What a binary lists of itself for an option that takes ``help``, and what that proves of one name. Pure.

The QAPI schema has each display, audio driver and character device that QEMU was built with; what lives in a module is
there only where the module is installed, and that is a fact of its own: ``-display gtk``, ``-audiodev pa``, ``-chardev
spicevmc``.  It is *unknown* where it was never asked (recordings of libvirt, and older ones of ours), and where the
binary has no such list.

Character devices are QOM types as well (``chardev-spicevmc``), and ``-chardev help`` leaves out those whose module is
not loaded yet, which listing all types has done (QEMU 7.2, ``chardev/char.c``, ``chardev_name_foreach``, and
``qom/qom-qmp-cmds.c``, ``qmp_qom_list_types``).  So one of them is there if it is on either list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities.evidence import Evidence, Verdict
from prober.qemu.recording import HELP, Exchange

#: The options that list what they take.
LISTING: Final = ("display", "audiodev", "chardev")

#: What is as old as its option and in no module (QEMU, ``ui/console.c``, ``audio/meson.build``); ``default`` is what
#: there is.
ALWAYS: Final = frozenset({("display", "none"), ("display", "default"), ("audiodev", "none"), ("audiodev", "wav")})

#: The option of which machines are asked by their names.
MACHINE: Final = "machine"

#: One property of a machine: ``microvm.pit=OnOffAuto (Enable i8254 PIT)`` (QEMU 5.2, ``softmmu/vl.c``) and
#: ``  pit=<OnOffAuto>       - Enable i8254 PIT`` (7.2 and later, ``qom/qom-qmp-cmds.c``).
_PROPERTY = re.compile(
    r"\s*(?:[a-z0-9.-]{1,60}\.)?(?P<name>[A-Za-z0-9_-]{1,64})="
    r"(?:<(?P<type>.{1,80}?)>(?: +- (?P<description>.{0,400}))?|(?P<old>[^ <>()]{1,80})(?: \((?P<words>.{0,400})\))?)"
)

#: How a list begins (QEMU, ``ui/console.c``, ``audio/audio.c``, ``chardev/char.c``; 5.2 to 11.1).
_HEADING = re.compile(r"Available .{1,40} (types|drivers): *")
_NAME = re.compile(r" *([a-z0-9][a-z0-9-]{0,63})")

#: What stands before QEMU's own words: the program, and the option that it is about (``util/error-report.c``).
_BEFORE = re.compile(r"[\w.+-]{1,80}: (-[a-z]{1,20} help: )?")

#: How much is read of what a binary says: no QEMU comes near it.
_MOST_NAMES = 256
_MOST_LINES = 64
_MOST_LETTERS = 300


class Listed(BaseModel):
    """What a binary said when an option was given ``help``.

    ``names`` is what it lists, None where it has no such list; ``said`` is what else it had to say, line by line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] | None = None
    said: tuple[str, ...] = ()


def read_listed(exchanges: Iterable[Exchange]) -> dict[str, dict[str, Any]]:
    """What was said for each option, from the exchanges of :data:`~prober.qemu.recording.HELP`.

    :raise TypeError: where one of them has another form than this program gives it.
    """
    listed: dict[str, dict[str, Any]] = {}
    for exchange in exchanges:
        option = (exchange.arguments or {}).get("option")
        if not isinstance(option, str):
            raise TypeError(f"{HELP} names no option")
        if option == MACHINE:
            continue
        if option not in listed and len(listed) < len(LISTING) * 4:
            listed[option] = _read(exchange)
    return listed


def read_machine(exchange: Exchange) -> tuple[str, list[dict[str, str]]] | None:
    """A machine, and its properties as ``-machine NAME,help`` lists them; None where the exchange has none.

    :raise TypeError: where it has another form than this program gives it.
    """
    arguments = exchange.arguments or {}
    name = arguments.get("name")
    if arguments.get("option") != MACHINE or not isinstance(name, str) or exchange.error is not None:
        return None
    reply: Any = exchange.reply
    matches = [_PROPERTY.fullmatch(line) for line in _texts(reply["stdout"])[:_MOST_NAMES]]
    found = [match.groupdict(default="") for match in matches if match is not None]
    properties = [
        {"name": one["name"], "type": one["type"] or one["old"], "description": one["description"] or one["words"]}
        for one in found
    ]
    return (name, properties) if properties and reply["status"] == 0 else None


def _read(exchange: Exchange) -> dict[str, Any]:
    if exchange.error is not None:
        return {"names": None, "said": [exchange.error.desc[:_MOST_LETTERS]]}
    reply: Any = exchange.reply
    said = [_BEFORE.sub("", line, count=1)[:_MOST_LETTERS] for line in _texts(reply["stderr"]) if line.strip()]
    names = _names(_texts(reply["stdout"])) if reply["status"] == 0 else None
    return {"names": names, "said": said[:_MOST_LINES]}


def _texts(lines: Any) -> list[str]:
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise TypeError(f"{HELP} was not answered with lines")
    return lines


def _names(lines: Iterable[str]) -> list[str] | None:
    """The names below the heading, up to an empty line; None for anything that is no such list."""
    rest = iter(lines)
    if not any(_HEADING.fullmatch(line) for line in rest):
        return None
    names: list[str] = []
    for line in islice(rest, _MOST_NAMES + 1):
        if not line.strip():
            break
        match = _NAME.fullmatch(line)
        if match is None:
            return None
        names.append(match[1])
    return names if len(names) <= _MOST_NAMES else None


def words_about(listed: Listed | None, name: str) -> str | None:
    """What a binary said of one name, in its own words; None where it said nothing.

    >>> words_about(Listed(said=("module ui-ui-gtk not found", "module ui-ui-sdl not found")), "sdl")
    'module ui-ui-sdl not found'
    """
    if listed is None:
        return None
    of = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9-])")
    return next((line for line in listed.said if of.search(line)), None)


def find_backend(listed: Listed | None, types: Iterable[str] | None, fact: str, option: str, name: str) -> Evidence:
    """What is known of a name that an option takes: ``-display gtk``.

    ``types`` are the QOM types of the binary, None where they were never asked.
    """
    if (option, name) in ALWAYS:
        return Evidence(fact=fact, verdict=Verdict.present, note=f"every QEMU with -{option} has {name}")
    typename = f"{option}-{name}"
    if option == "chardev" and types is not None and typename in types:
        return Evidence(
            fact=fact,
            verdict=Verdict.present,
            note=f"qom-list-types lists {typename}",
            command="qom-list-types",
            reply={"name": typename},
        )
    arguments: dict[str, JsonValue] = {"option": option}
    if listed is None:
        note = f"what the binary itself lists for -{option} was never asked"
        return Evidence(fact=fact, verdict=Verdict.unknown, note=note)
    if listed.names is None:
        note = f"`-{option} help` gave no list"
        said = "; ".join(listed.said[-1:]) or None
        return Evidence(fact=fact, verdict=Verdict.unknown, note=note, command=HELP, arguments=arguments, error=said)
    if name in listed.names:
        note = f"`-{option} help` lists {name}"
        return Evidence(fact=fact, verdict=Verdict.present, note=note, command=HELP, arguments=arguments, reply=name)
    if option == "chardev" and types is None:
        note = f"`-{option} help` does not list {name}, and the list of types was never asked"
        return Evidence(fact=fact, verdict=Verdict.unknown, note=note, command=HELP, arguments=arguments)
    return Evidence(
        fact=fact,
        verdict=Verdict.absent,
        note=f"`-{option} help` lists {', '.join(listed.names)}",
        command=HELP,
        arguments=arguments,
        reply=[*listed.names],
        error=words_about(listed, name),
    )
