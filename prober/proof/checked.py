"""A line checked, and with which accelerator it is to be started: what is known of it before a box is made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from prober.commandline.parse import refuse_no_line
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvReport, check_argv
from prober.proof.bench import Bench
from prober.proof.kvm import KvmTrial
from prober.proof.models import ProofVerdict
from prober.proof.outcome import Outcome
from prober.proof.ready import find_here, make_ready, wants_kvm
from prober.proof.subject import LineRequest, LineSubject


@dataclass(frozen=True)
class CheckedLine:
    """A line for one QEMU, binary first.

    ``report`` is what the check says, and ``is_refused`` whether it is not to be started for that.  ``here`` are the
    files of this host that it names, ``with_kvm`` whether it gets ``/dev/kvm``, ``instead_of_kvm`` whether it asks for
    KVM and there is none that works; of what is refused none of these is looked at.
    """

    subject: LineSubject
    words: tuple[str, ...]
    report: ArgvReport
    is_refused: bool = False
    here: frozenset[str] = frozenset()
    with_kvm: bool = False
    instead_of_kvm: bool = False

    def ready(self, directory: str, *more: str) -> Bench:
        """The line with what stands in for the host's own, in this ``directory`` of the box, and ``more`` words behind
        it."""
        words = (*self.words, *more)
        return make_ready(words, self.subject, directory, self.here, instead_of_kvm=self.instead_of_kvm)


#: What is said of one that the check refuses.
REFUSED_BY_CHECK = Outcome(ProofVerdict.refused, reason="the check refuses it, so it was not started")


async def check_line(
    subject: LineSubject, request: LineRequest, kvm: KvmTrial, *, later: tuple[tuple[str, str], ...] = ()
) -> CheckedLine:
    """The line, checked; ``later`` are flags and values of what comes to its machine, whose files are looked for too.

    :raise UsageError: where there are no words, too many, or some that are no text, or the first is an option.
    """
    refuse_no_line(request.words)
    words = (subject.binary, *request.words[1:])
    assume = request.assume_unknown_present
    # In a thread: a line of thousands of words takes seconds, and others are answered meanwhile.
    report = await asyncio.to_thread(check_argv, [*words], subject.capabilities, assume_unknown_present=assume)
    if not request.anyway and any(finding.kind is Kind.error for finding in report.findings):
        return CheckedLine(subject, words, report, is_refused=True)
    with_kvm = wants_kvm(words, subject)
    instead = with_kvm and not await kvm.works(subject.binary, subject.root, subject.capabilities.target)
    every = (*words, *(word for option in later for word in option))
    here = await asyncio.to_thread(find_here, every, subject.root)
    return CheckedLine(subject, words, report, False, here, with_kvm and not instead, instead)
