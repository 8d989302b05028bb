"""From evidence to findings, in one set of words for all options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.capabilities import Capabilities, Evidence, Verdict
from prober.capabilities.facts import did_you_mean, nearest, resolve
from prober.commandline.flags import FLAGS
from prober.commandline.history import first_known_hint
from prober.commandline.refusal import Finding, Kind, Misfit, Origin
from prober.errors import FactError

#: How many hints one check looks for.
_MOST_HINTS = 20


class Proof:
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

    def hint(self, misfit: Misfit) -> str:
        """The known names most like what does not fit, where any would."""
        return did_you_mean(self.nearest(misfit.meant, misfit.known)) if misfit.known and misfit.meant else ""

    def supports(self, fact: str) -> Evidence:
        """The evidence for a fact whose name anybody may have written; what can be no name is absent."""
        try:
            if self._hints_left > 0:
                return self.caps.supports(fact)
            return resolve(self.caps, fact, near=False)
        except FactError:
            shown = fact if len(fact) <= 80 else f"{fact[:80]}…"
            return Evidence(fact=shown, verdict=Verdict.absent, note="nothing in QEMU has a name like this")

    def require(self, evidence: Evidence, place: Origin, *, part: str = "") -> Iterator[Finding]:
        """A finding unless the evidence is good."""
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
            hint = first_known_hint(fact) or self._nearest_hint(evidence)
        yield Finding(kind=kind, place=place, part=part, message=message, qemu_name=fact, evidence=evidence, hint=hint)

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
        yield from self.require(Evidence(fact=name, verdict=verdict, note=note), place)

    def _nearest_hint(self, evidence: Evidence) -> str:
        if not isinstance(evidence.reply, list):
            return ""
        name = evidence.fact.rpartition(".")[2]
        near = self.nearest(name, [str(item) for item in evidence.reply])
        return did_you_mean(near)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
