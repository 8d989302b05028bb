"""What a limit of a device's property is: a table of them makes rules of one form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prober.commandline.line import Line, Made, number, size
from prober.commandline.options import Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule, Version

#: Types of properties that a negative text is taken for, as it is read as one of 64 bits without sign.
_WIDE = ("uint64", "uint64_t")


@dataclass(frozen=True, slots=True)
class Reach:
    """Numbers from ``least`` to ``most``: all of them, powers of two alone, or those in ``only``; and ``besides``,
    which stand for something else (a default that QEMU chooses)."""

    least: int = 0
    most: int = 2**64 - 1
    power: bool = False
    only: tuple[int, ...] = ()
    besides: tuple[int, ...] = ()

    def has(self, number: int) -> bool:
        """Whether a number is one of these."""
        if number in self.besides or self.only:
            return number in self.besides or number in self.only
        return self.least <= number <= self.most and (not self.power or not number & (number - 1))

    def __str__(self) -> str:
        if self.only:
            return " or ".join(map(str, self.only))
        what = "a power of two " if self.power else ""
        return f"{what}from {self.least} to {self.most}"


def only(*numbers: int) -> Reach:
    """Just these numbers."""
    return Reach(only=numbers)


@dataclass(frozen=True, slots=True)
class Bound:
    """The numbers, or with ``longest`` the texts, that a property takes of all types derived from one of ``bases``.

    ``example`` is a command line with ``{}`` for the value, ``wrong`` and ``right`` what stands there once each; the
    rest is as of a :class:`Rule`.
    """

    name: str
    source: str
    bases: tuple[str, ...]
    part: str
    takes: Reach
    example: str
    wrong: str
    right: str
    says: str = ""
    longest: int = 0
    since: Version = (0, 0, 0)
    until: Version | None = None

    def as_rule(self) -> Rule:
        """The rule that it is."""
        what = f"has at most {self.longest} characters" if self.longest else f"is {self.takes}"
        return Rule(
            f"line/{self.name}",
            self.says or f"`{self.part}` of {self._whose()} {what}",
            self.source,
            self._find,
            about=(self.part,),
            wrong=f"-display none {self.example.replace('{}', self.wrong)}",
            right=f"-display none {self.example.replace('{}', self.right)}",
            since=self.since,
            until=self.until,
        )

    def _whose(self) -> str:
        return ", ".join(f"`{base.removesuffix('-base')}`" for base in self.bases)

    def _find(self, line: Line) -> Iterator[Fault]:
        for device in line.devices:
            value = device.values.get(self.part)
            if value is not None and not device.type.lineage.isdisjoint(self.bases):
                message = self._against_text(value) if self.longest else self._against(value, device, line)
                if message:
                    yield Fault(device.place, self.part, message)

    def _against(self, value: Value, device: Made, line: Line) -> str:
        known = line.caps.property_of(device.typename, self.part)
        found = size(value) if known is None or known.type == "size" else number(value)
        if found is None:
            return ""
        if found < 0 <= self.takes.least:
            if known is None or known.type not in _WIDE:
                return ""  # said already: it does not fit the type
            found += 2**64
        return "" if self.takes.has(found) else f"{self.part} is {self.takes} here, not {str(value)[:40]}"

    def _against_text(self, value: Value) -> str:
        if not isinstance(value, str) or len(value.encode(errors="replace")) <= self.longest:
            return ""
        return f"{self.part} has at most {self.longest} characters here, not {len(value.encode(errors='replace'))}"
