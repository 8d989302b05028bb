"""``<qemu:commandline>`` and ``<qemu:override>``: what a domain hands to QEMU past libvirt's own words.

libvirt hands it on unseen.  Here the words are read as QEMU would read them, and each option is held against the
binary like any other; a fault is a refusal with the line of its ``<qemu:arg>``.  In the argv the words stand as they
were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Literal

from prober.capabilities.capabilities import Capabilities
from prober.commandline.json_form import check_json
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Property, Qapi, Raw, Value
from prober.commandline.parse import parse_command_line
from prober.commandline.refusal import Broken, Finding, Place, Position
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element

#: How much is read of it, so that a document is checked in a bounded time: words, and characters in all.
_MOST_WORDS, _MOST_CHARACTERS = 1000, 65536

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")

#: What libvirt takes for a number (``virStrToLong_ull`` and ``virStrToLong_ll`` with base 10).
_UNSIGNED, _SIGNED = range(2**64), range(-(2**63), 2**63)


class QemuArg(Element):
    """``<qemu:arg value=…>``: one word."""

    value: Annotated[str, At("@value"), Becomes("a word of the argv")]


class QemuEnv(Checked):
    """``<qemu:env name=… value=…>``: a variable of QEMU's environment."""

    name: Annotated[str, At("@name"), Becomes("a variable in QEMU's environment")]
    value: Annotated[str, At("@value"), Becomes("its value")] = ""

    def rules(self) -> Iterator[Broken]:
        """A name that is one (libvirt 11.3, ``qemuDomainDefNamespaceParseCommandlineEnvNameValidate``)."""
        if not _VARIABLE.fullmatch(self.name):
            yield Broken(
                "name", f"{self.name[:80]!r} is no name of letters, digits and underscores that begins with no digit"
            )
        if not self.value.isprintable() or len(self.value) > _MOST_CHARACTERS:
            yield Broken("value", "the value of a variable is one line of printable characters")


class QemuCommandline(Checked):
    """``<qemu:commandline>``: words for the end of the argv, and variables of QEMU's environment."""

    args: Annotated[tuple[QemuArg, ...], At("qemu:arg")] = ()
    environment: Annotated[tuple[QemuEnv, ...], At("qemu:env"), Becomes("QEMU's environment: a resource")] = ()

    def rules(self) -> Iterator[Broken]:
        """No more than is checked in a bounded time."""
        if len(self.args) > _MOST_WORDS or sum(len(arg.value) for arg in self.args) > _MOST_CHARACTERS:
            yield Broken(
                "args", f"<qemu:arg>s are read up to {_MOST_WORDS} words and {_MOST_CHARACTERS} characters in all"
            )

    def read(self, caps: Capabilities) -> tuple[list[Raw], list[Finding]]:
        """The options, each with its words, and what this QEMU's parsers would not take of them."""
        # Words count from the binary, which is not here.
        words = ["", *(arg.value for arg in self.args)]
        line = parse_command_line(words)
        places = [_position(option) for option in line.options]
        wrong = [*line.findings, *check_json(line.written, caps)]
        found = {position.word: option for position, option in zip(places, line.options, strict=True)}
        starts = sorted({*found, *map(_word, wrong)})
        raws, ends = [], dict(zip(starts, [*starts[1:], len(words)], strict=False))
        for start in starts:
            option = found.get(start)
            place = self._place(start, start if isinstance(option, Plain) else ends[start] - 1)
            raws.append(
                Raw(tuple(words[start : ends[start]]), None if option is None else _moved(option, place), place)
            )
        findings = [
            finding.model_copy(update={"place": self._place(start, ends[start] - 1)})
            for finding in wrong
            if (start := _word(finding))
        ]
        return raws, findings

    def _place(self, first: int, last: int) -> Place:
        """The word that is meant: the flag itself, or the value after it."""
        return self.args[max(first, last) - 1].place("value")


class QemuDeprecation(Element):
    """``<qemu:deprecation>``: what QEMU does where it is asked for what it will lose."""

    behavior: Annotated[Literal["none", "omit", "reject", "crash"], At("@behavior"), Becomes("`-compat`")]


class QemuProperty(Checked):
    """``<qemu:property>``: a property with its JSON type; ``remove`` takes it away."""

    name: Annotated[str, At("@name"), Becomes("a property of the device")]
    type: Annotated[
        Literal["string", "signed", "unsigned", "bool", "remove"], At("@type"), Becomes("the JSON type of its value")
    ]
    value: Annotated[str | None, At("@value"), Becomes("its value")] = None

    def rules(self) -> Iterator[Broken]:
        """The value is of its type, and the device stays the one that it is."""
        if self.name in ("", "driver", "id"):
            yield Broken("name", f"{self.name!r} is no property that can be overridden")
        if self.type == "remove":
            if self.value is not None:
                yield Broken("value", "type='remove' takes no value")
        elif self.value is None:
            yield Broken("", f"a property of type '{self.type}' needs a value")
        elif self.type == "bool" and self.value not in ("true", "false"):
            yield Broken("value", f"{self.value[:80]!r} is neither 'true' nor 'false'")
        elif self.type in ("signed", "unsigned") and self._number(self.value) is None:
            yield Broken("value", f"{self.value[:80]!r} is no {self.type} number of 64 bits")

    def _number(self, text: str) -> int | None:
        digits = text.removeprefix("-") if self.type == "signed" else text
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20):
            return None
        number = int(text)
        return number if number in (_SIGNED if self.type == "signed" else _UNSIGNED) else None

    def property(self) -> Property | None:
        """What it sets; None where it takes away."""
        if self.value is None:
            return None
        if self.type == "bool":
            return Property(self.name, self.value == "true", self.place("value"))
        number = self._number(self.value) if self.type != "string" else None
        return Property(self.name, self.value if number is None else number, self.place("value"))


class QemuFrontend(Element):
    """``<qemu:frontend>``: the ``-device`` of a device."""

    properties_: Annotated[tuple[QemuProperty, ...], At("qemu:property")] = ()


class QemuDevice(Element):
    """``<qemu:device alias=…>``: the device whose id this is."""

    alias: Annotated[str, At("@alias"), Becomes("which `-device` is changed")]
    frontend: Annotated[QemuFrontend | None, At("qemu:frontend")] = None


class QemuOverride(Element):
    """``<qemu:override>``: properties of devices."""

    devices: Annotated[tuple[QemuDevice, ...], At("qemu:device")] = ()


def emit_deprecation(wish: QemuDeprecation | None, target: Target) -> Iterator[Option]:
    """``-compat`` (QEMU 6.0; libvirt 11.3, ``qemuBuildCompatDeprecatedCommandLine``)."""
    behavior = wish.behavior if wish is not None else target.settings.deprecation_behavior
    if behavior == "none":
        return
    place = wish.place("behavior") if wish is not None else target.place
    value: dict[str, Value] = {"deprecated-output": "hide"}
    if behavior != "omit":
        value["deprecated-input"] = behavior
    yield Qapi("-compat", "", "", value, place)


def emit_passthrough(commandline: QemuCommandline | None, target: Target) -> Iterator[Raw]:
    """The options of ``<qemu:commandline>``."""
    if commandline is not None:
        yield from commandline.read(target.caps)[0]


def find_faults(commandline: QemuCommandline | None, caps: Capabilities) -> list[Finding]:
    """What QEMU's parsers would not take of ``<qemu:commandline>``."""
    return [] if commandline is None else commandline.read(caps)[1]


def _word(finding: Finding) -> int:
    assert isinstance(finding.place, Position), "a parser knows words alone"
    return finding.place.word


def _position(option: Option) -> Position:
    place = option.setting.place if isinstance(option, Global) else option.place
    assert isinstance(place, Position), "a parser knows words alone"
    return place


def _moved(option: Option, place: Place) -> Option:
    """The same option, from this place in the XML."""
    match option:
        case Global():
            return replace(option, setting=option.setting._replace(place=place))
        case DeviceOption() | Object():
            return replace(option, place=place, properties=_at(option.properties, place))
        case Keyval():
            return replace(option, place=place, pairs=_at(option.pairs, place))
        case Qapi() | Plain():
            return replace(option, place=place)


def _at(properties: Iterable[Property], place: Place) -> tuple[Property, ...]:
    return tuple(item._replace(place=place) for item in properties)
