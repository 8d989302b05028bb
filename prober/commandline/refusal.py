"""No, and why: one family of values, from the converter of a single value to what a whole domain is refused for.

    No                  rule, message, hint                                       is known of
    ├── Unfit           a value that is not one of its type; raised               a value
    ├── Broken          + field: an element's own rule; yielded or raised         a field
    ├── Misfit          + path, known: what a QAPI type does not take             a member of a tree
    ├── Fault           + place, part: what a rule finds of options together      an option
    ├── Finding         + kind, QEMU's name, evidence: what the check says        a command line
    └── Refusal         place in the XML instead of part and kind                 a domain

A :class:`Note` is none of them: it says what a domain asks for that is not done here, and stands against nothing.

What is right makes none of these, and a place is made only where one is.  Each is made where the fault is seen, with
what is known there, and whoever stands one step further out adds what he knows: ``at`` says where it is, and ``by`` by
which rule it was found.

    Unfit ──at(field)──▶ Broken ──at(places)──▶ Refusal          Misfit ──at(place, …)──▶ Finding ──refused()──▶ Refusal
                                                                 Fault ──by(rule, …)────▶ Finding

A ``rule`` has a stable name of small letters, digits and dashes, under a word that tells the room: ``xml/`` is what
the reader says of any element, ``element/`` an element's own rules (``element/disk.target-dev``, unless the rule has a
name of its own), ``option/`` what is wrong with one option by itself, ``line/`` with several together, ``domain/``
what the steps of translating say, ``live/`` what a QEMU says that was started.  It is in the values and in their JSON,
and docs/rules.md has a section for each: a name that was once given is not taken back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

from prober.capabilities.evidence import Evidence, Verdict


# Neither this nor the options are frozen, though nothing ever changes one: a domain comes to hundreds of them, and a
# frozen one takes twice the time to make.
@dataclass(slots=True, unsafe_hash=True)
class Place:
    """A place in the XML: 1-based ``line`` (0 for the document as a whole) and XPath-like ``path``.

    ``/domain/devices/disk[2]/driver/@cache``: positions count elements of one name, from 1, and are left
    out where there is only one.
    """

    line: int
    path: str

    def attribute(self, name: str) -> Place:
        """The place of an attribute of the element that stands here."""
        return Place(self.line, f"{self.path}/@{name}")


class Position(NamedTuple):
    """A place on a command line: the index of the word that holds the option's flag (0 is the binary).

    A tuple, as every option of a command line has one.
    """

    word: int
    flag: str


#: Where a part of an option comes from: a domain's XML, or a command line.
Origin: TypeAlias = Place | Position


class Unfit(ValueError):
    """A value that is not one of its type; ``message`` reads on after the value: ``'maybe' is not a number``.

    Raised by what makes values of texts.  A class below may have its ``rule`` as an attribute.
    """

    rule: str = ""

    def __init__(self, message: str, hint: str = "", *, rule: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if rule:
            self.rule = rule

    def at(self, field: str) -> Broken:
        """As what is wrong with the field that it is the value of."""
        return Broken(field, self.message, self.hint, rule=self.rule)


class Broken(ValueError):
    """A rule of an element that does not hold; ``field`` is that of its model (empty for the element itself).

    An element yields each; what settles an element may raise the first.
    """

    def __init__(self, field: str, message: str, hint: str = "", *, rule: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.hint = hint
        self.rule = rule

    def at(self, place_of: Callable[[str], Place], element: str = "") -> Refusal:
        """As what the domain is refused for.

        ``place_of`` gives the place of a field.  A rule without a name of its own is called after the ``element``, by
        its name in the XML, and the field.
        """
        rule = self.rule or (rule_of_field(element, self.field) if element else "")
        return Refusal(place=place_of(self.field), message=self.message, hint=self.hint, rule=rule)


def rule_of_field(element: str, field: str) -> str:
    """The name of the rules about a field that have none of their own.

    >>> rule_of_field("backingStore", "target_dev"), rule_of_field("{http://libvirt.org/…}property", "")
    ('element/backing-store.target-dev', 'element/qemu-property')
    """
    name = _CAPITAL.sub(lambda found: f"-{found[0].lower()}", _NAMESPACE.sub("qemu-", element)).replace("_", "-")
    return f"element/{name}.{field.replace('_', '-')}" if field else f"element/{name}"


#: What makes small letters and dashes of an element's name; of namespaces QEMU's alone is read.
_CAPITAL, _NAMESPACE = re.compile(r"(?<!^)[A-Z]"), re.compile(r"^\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing in a value that its QAPI type does not take: where in the value, and why.

    ``known`` lists what would fit, ``value`` is the word that should have been one of them (None for a member).
    """

    path: tuple[str, ...]
    message: str
    known: tuple[str, ...] = ()
    value: str | None = None
    hint: str = ""
    rule: str = "option/value"

    @property
    def dotted(self) -> str:
        """The path as QEMU's keyval syntax writes it."""
        return ".".join(self.path)

    @property
    def meant(self) -> str:
        """What stood in the place of one of the known: a wrong value, or else an unknown member."""
        return self.value or (self.path[-1] if self.path else "")


class Kind(StrEnum):
    """What QEMU would make of it.

    ``error``: refuse to start.  ``ignored``: start, and not do it.  ``deprecated``: do it, and warn.
    ``unknown``: the binary was never asked, or cannot tell.
    """

    error = "error"
    ignored = "ignored"
    deprecated = "deprecated"
    unknown = "unknown"


#: What QEMU makes of what a rule finds.
_MAKES = {Kind.error: "refuses", Kind.ignored: "ignores", Kind.deprecated: "warns of", Kind.unknown: "may refuse"}


class Fault(NamedTuple):
    """What a rule about options together finds: the option's place, the part of it, what is wrong, what would help."""

    place: Origin
    part: str
    message: str
    hint: str = ""
    rule: str = ""

    def by(self, rule: str, source: str, kind: Kind = Kind.error) -> Finding:
        """As what the check says; ``source`` is the file and function of QEMU that makes that of it."""
        return Finding(
            kind=kind,
            place=self.place,
            part=self.part,
            message=self.message,
            evidence=Evidence(fact=self.part, verdict=Verdict.absent, note=f"QEMU {_MAKES[kind]} it ({source})"),
            hint=self.hint,
            rule=self.rule or rule,
        )


class Finding(BaseModel):
    """One thing that is wrong with an option, or is not known to be right.

    ``place`` is where it comes from, ``part`` the key or member that it is about (empty for the option as a whole),
    ``rule`` is the name of what found it (docs/rules.md), the rest as of a :class:`Refusal`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    place: Origin
    message: str
    part: str = ""
    qemu_name: str | None = None
    evidence: Evidence | None = None
    hint: str = ""
    rule: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        if isinstance(self.place, Place):
            return f"{self.place.line}: {self.place.path}: {self.kind}: {self.message}{hint}"
        return f"{self.place.word}: {self.place.flag}: {self.kind}: {self.message}{hint}"

    def refused(self) -> Refusal:
        """As what the domain is refused for that the option comes from."""
        assert isinstance(self.place, Place), "the options of a domain come from its XML"
        return Refusal(
            place=self.place,
            message=self.message,
            qemu_name=self.qemu_name,
            evidence=self.evidence,
            hint=self.hint,
            rule=self.rule,
        )


class Refusal(BaseModel):
    """One reason.

    ``message`` says what was asked for and why it cannot be had, ``qemu_name`` is QEMU's name of what is
    missing (``PIIX4_PM.acpi-root-pci-hotplug``), ``evidence`` what the binary said of it, ``hint`` what
    would help, ``rule`` the name of what found it (docs/rules.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: Place
    message: str
    qemu_name: str | None = None
    evidence: Evidence | None = None
    hint: str = ""
    rule: str = ""

    def __str__(self) -> str:
        """``LINE: PATH: message (hint)``; the caller puts the file's name before it."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place.line}: {self.place.path}: {self.message}{hint}"

    def by(self, rule: str) -> Self:
        """With the name of the rule that found it, unless it has one."""
        return self if self.rule else self.model_copy(update={"rule": rule})

    def noted(self, before: str = "") -> Note:
        """As what is only told; ``before`` begins the message."""
        return Note(place=self.place, message=before + self.message, hint=self.hint, rule=self.rule)


class Note(BaseModel):
    """What the XML says and this command line does not do, though the guest starts without it.

    A daemon would do it, over a monitor or on the host; or libvirt does not do it either.  (What QEMU would drop of a
    command line is no note: that is of the kind *ignored*, and refused.)  The rest is as of a :class:`Refusal`, which
    a note becomes for who wants none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: Place
    message: str
    hint: str = ""
    rule: str = ""

    def __str__(self) -> str:
        """``LINE: PATH: note: message (hint)``; the caller puts the file's name before it."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place.line}: {self.place.path}: note: {self.message}{hint}"

    def by(self, rule: str) -> Self:
        """With the name of the rule that found it, unless it has one."""
        return self if self.rule else self.model_copy(update={"rule": rule})

    def refused(self) -> Refusal:
        """As what a domain is refused for by who wants all of it done."""
        return Refusal(place=self.place, message=self.message, hint=self.hint, rule=self.rule)


#: How many refusals of one kind are told one by one: nobody reads more, and whoever made a document with thousands of
#: them shall not get megabytes for it.
MOST_OF_A_KIND = 100


def and_more(number: int, place: Place) -> Refusal:
    """What stands for the refusals of one kind that are not told; ``place`` is that of the first of them."""
    return Refusal(place=place, message=f"and {number} more of this kind", rule="domain/more")


def first_of_each_kind(refusals: list[Refusal]) -> list[Refusal]:
    """The same in the same order, where no rule was broken more often than :data:`MOST_OF_A_KIND`; else as many of
    each, and after them how many more there are."""
    counts = Counter(refusal.rule for refusal in refusals)
    if not counts or max(counts.values()) <= MOST_OF_A_KIND:
        return refusals
    told: Counter[str] = Counter()
    kept = []
    for refusal in refusals:
        told[refusal.rule] += 1
        if told[refusal.rule] <= MOST_OF_A_KIND:
            kept.append(refusal)
        elif told[refusal.rule] == MOST_OF_A_KIND + 1:
            kept.append(and_more(counts[refusal.rule] - MOST_OF_A_KIND, refusal.place))
    return kept


No: TypeAlias = Unfit | Broken | Misfit | Fault | Finding | Refusal


#: The rule of what the schema has, and the binary itself does not list.
NOT_INSTALLED = "option/module"


def as_refusals(findings: Iterable[Finding], *, assume_unknown_present: bool) -> Iterator[Refusal]:
    """What of all this a domain is refused for.

    What is unknown is refused unless the caller assumes that it is there; what is deprecated still works.  Whether a
    module is installed refuses nothing where it is unknown: the schema has proven that this QEMU knows the thing, and
    no recording but ours tells more.
    """
    for finding in findings:
        if finding.kind is Kind.deprecated:
            continue
        if finding.kind is Kind.unknown and (assume_unknown_present or finding.rule == NOT_INSTALLED):
            continue
        yield finding.refused()
