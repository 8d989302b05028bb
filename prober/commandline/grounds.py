"""From evidence to findings, in one set of words for all options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.capabilities import Capabilities, Evidence, Verdict
from prober.capabilities.facts import did_you_mean, nearest, resolve
from prober.commandline.flags import FLAGS
from prober.commandline.history import first_known_hint
from prober.commandline.options import Keyval, Plain, Property, Value
from prober.commandline.qapi import misfits
from prober.commandline.refusal import NOT_INSTALLED, Finding, Kind, Misfit, Origin, Unfit
from prober.commandline.replaced import replacement
from prober.commandline.types import misfit_of
from prober.errors import FactError

#: More names than these are no hint.
_MOST_NAMED = 12

#: How many hints one check looks for.
_MOST_HINTS = 20


class Grounds:
    """Asks one binary's capabilities, and says what does not hold.

    With ``assume_unknown_present`` nothing is said of what the binary was never asked for.
    """

    def __init__(self, caps: Capabilities, *, assume_unknown_present: bool = False) -> None:
        self.caps = caps
        self.assume_unknown_present = assume_unknown_present
        self._hints_left = _MOST_HINTS

    def nearest(self, name: str, known: Iterable[str]) -> list[str]:
        """Known names most like this one; for the first few that are asked for, as it takes a millisecond each."""
        self._hints_left -= 1
        return nearest(name[:64], known) if self._hints_left >= 0 else []

    def near(self, misfit: Misfit) -> list[str]:
        """The known names most like what does not fit, where any would."""
        return self.nearest(misfit.meant, misfit.known) if misfit.known and misfit.meant else []

    def hint(self, misfit: Misfit) -> str:
        """The same in words."""
        return did_you_mean(self.near(misfit))

    def supports(self, fact: str) -> Evidence:
        """The evidence for a fact whose name anybody may have written; what can be no name is absent."""
        try:
            if self._hints_left <= 0:
                return resolve(self.caps, fact, near=False)
            evidence = self.caps.supports(fact)
            self._hints_left -= evidence.verdict is Verdict.absent
            return evidence
        except FactError:
            shown = fact if len(fact) <= 80 else f"{fact[:80]}…"
            return Evidence(fact=shown, verdict=Verdict.absent, note="nothing in QEMU has a name like this")

    def require(self, evidence: Evidence, place: Origin, *, part: str = "", rule: str) -> Iterator[Finding]:
        """A finding by this rule unless the evidence is good."""
        if evidence.is_present:
            return
        fact = evidence.fact
        if evidence.verdict is Verdict.unknown:
            if self.assume_unknown_present:
                return
            kind = Kind.unknown
            message = f"it is not known whether QEMU {self.caps.version} has {fact}: {evidence.note}"
            hint = "record this QEMU with `prober record`, or assume that what is unknown is there"
        else:
            kind = Kind.error
            message = f"QEMU {self.caps.version} has no {fact}"
            hint = replacement(fact) or first_known_hint(fact) or _said(evidence) or did_you_mean(evidence.suggestions)
        yield Finding(
            kind=kind,
            place=place,
            part=part,
            message=message,
            qemu_name=fact,
            evidence=evidence,
            hint=hint,
            rule=rule,
        )

    def unknown(self, fact: str, note: str, place: Origin, *, part: str = "", rule: str) -> Iterator[Finding]:
        """A finding about what was never asked, or is in no answer; ``note`` says which."""
        evidence = Evidence(fact=fact, verdict=Verdict.unknown, note=note)
        return self.require(evidence, place, part=part, rule=rule)

    def backend(self, option: str, name: str, place: Origin, *, part: str) -> Iterator[Finding]:
        """What stands against a display, audio, block or character device's driver: its module is not installed."""
        evidence = self.supports(f"-{option} {name}")
        for finding in self.require(evidence, place, part=part, rule=NOT_INSTALLED):
            listed = evidence.reply if isinstance(evidence.reply, list) else ()
            hint = finding.hint or (f"it has {', '.join(map(str, listed))}" if 0 < len(listed) <= _MOST_NAMED else "")
            yield finding.model_copy(update={"hint": hint})

    def has_fitting(self, typename: str, item: Property) -> bool:
        """Whether a QOM type is known to have a property, and the value fits: so it is with most."""
        known = self.caps.property_of(typename, item.name)
        return known is not None and misfit_of(known, item.value) is None

    def property(self, typename: str, item: Property) -> Iterator[Finding]:
        """What is wrong with a property of a QOM type: there is none of the name, or the value does not fit."""
        known = self.caps.property_of(typename, item.name)
        unfit = misfit_of(known, item.value) if known is not None else None
        if known is not None and unfit is None:
            return  # Evidence is made for what is wrong: most is right.
        fact = f"{typename}.{item.name}"
        evidence = self.supports(fact)
        yield from self.require(evidence, item.place, part=item.name, rule="option/property")
        if unfit is not None:
            yield unfit_value(unfit, item, fact, evidence)

    def misfits(
        self, option: Keyval | Plain, command: str, side: str, value: Value, *, part: str | None = None
    ) -> Iterator[Finding]:
        """What the argument or return type of a command does not take, if the binary has such a command.

        ``part`` is what the message names; without it, that is the path to what is wrong.
        """
        schema = self.caps.schema_
        entity = schema.command(command) if schema is not None else None
        for misfit in misfits(schema, str(entity[side]), value) if schema is not None and entity is not None else ():
            where = misfit.dotted if part is None else part
            message = f"QEMU {self.caps.version} takes no such {option.flag}: {where} {misfit.message}"
            of = where if isinstance(option, Keyval) else ""
            yield wrong(
                option,
                message,
                part=of,
                hint=replacement(f"{command}.{misfit.dotted}") or self.hint(misfit),
                rule=misfit.rule,
            )

    def flag(self, name: str, place: Origin) -> Iterator[Finding]:
        """An option that no QMP answer lists: by what is known of QEMU's versions."""
        flag, version = FLAGS[name[1:]], self.caps.version.numbers[:2]
        if flag.absent_from is not None and version >= flag.absent_from:
            verdict, note = Verdict.absent, f"QEMU {_dotted(flag.absent_from)} has it no more"
        elif flag.absent_to is not None and version <= flag.absent_to:
            verdict, note = Verdict.absent, f"QEMU {_dotted(flag.absent_to)} does not have it yet"
        elif (flag.last_known is not None and version > flag.last_known) or (
            flag.first_known is not None and version < flag.first_known
        ):
            verdict = Verdict.unknown
            note = f"it came or went between the versions that were looked at, and {name} is in no QMP answer"
        else:
            return
        yield from self.require(Evidence(fact=name, verdict=verdict, note=note), place, rule="option/flag")


def unfit_value(unfit: Unfit, item: Property, fact: str, evidence: Evidence | None = None) -> Finding:
    """A value that does not fit, as what is found of the option that has it."""
    return Finding(
        kind=Kind.error,
        place=item.place,
        part=item.name,
        message=unfit.message,
        qemu_name=fact,
        evidence=evidence,
        rule=unfit.rule,
    )


def wrong(option: Keyval | Plain, message: str, *, part: str = "", hint: str = "", rule: str) -> Finding:
    """What is wrong with an option, or a part of it, and no evidence tells."""
    return Finding(
        kind=Kind.error,
        place=option.place,
        part=part,
        message=message,
        qemu_name=f"{option.flag}.{part[:64]}" if part else option.flag,
        hint=hint,
        rule=rule,
    )


def _said(evidence: Evidence) -> str:
    """What QEMU itself says of an option that it cannot take: the package, where its packager has it say so."""
    return f"QEMU says: {evidence.error}" if evidence.error and evidence.fact.startswith("-") else ""


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
