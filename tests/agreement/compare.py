"""Three verdicts on each variant of the sound lines of one QEMU."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prober.capabilities.capabilities import Capabilities
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvReport, check_argv
from prober.errors import ProberError
from prober.proof.models import Proof, ProofVerdict
from prober.proof.prover import Prover
from prober.proof.subject import LineRequest, LineSubject
from prober.qemu.interview import interview
from tests.agreement.lines import lines_for
from tests.conftest import CHECKOUT, QemuPlace
from tests.integration.spoiling import Maker, Variant
from tests.integration.test_spoilt import pick

_SEED = 20_261_129

#: After so many lines it is told how far it is: thousands take a quarter of an hour.
_TOLD_EACH = 200

#: A QEMU that is judged may take so long (seconds).
_PATIENCE_S = 60

_COLUMNS = (
    "lines", "taken", "proof right", "false proven", "false refused", "not provable",
    "check right", "false accept", "false refusal", "unknown",
)  # fmt: skip

_QMP = b'{"execute":"qmp_capabilities"}{"execute":"quit"}'


@dataclass(frozen=True)
class Case:
    """One line: whether the judge took it, with its words, and what prober says on either ground."""

    variant: Variant
    taken: bool
    words: str
    proof: Proof | None
    error: str
    report: ArgvReport

    @property
    def of_proof(self) -> str:
        """The column of the proof."""
        if self.proof is None or self.proof.verdict is ProofVerdict.not_provable:
            return "not provable"
        taken = self.proof.verdict is not ProofVerdict.refused
        if taken == self.taken:
            return "proof right"
        return "false proven" if taken else "false refused"

    @property
    def of_check(self) -> str:
        """The column of the check; what QEMU would ignore is no refusal, as it starts."""
        kinds = {finding.kind for finding in self.report.findings}
        if Kind.error in kinds:
            return "false refusal" if self.taken else "check right"
        if Kind.unknown in kinds:
            return "unknown"
        return "check right" if self.taken else "false accept"


@dataclass
class Table:
    """The cases of one QEMU."""

    version: str
    cases: list[Case] = field(default_factory=list)

    @property
    def wrong_proofs(self) -> int:
        """How many proofs are not what the judge says."""
        return sum(case.of_proof.startswith("false") for case in self.cases)

    def text(self) -> str:
        """By kind, and all together."""
        kinds = sorted({case.variant.kind for case in self.cases})
        rows = [f"{'QEMU ' + self.version:<28}" + "".join(f"{name:>15}" for name in _COLUMNS)]
        for name, members in [*((kind, {kind}) for kind in kinds), ("all", {*kinds})]:
            found = [case for case in self.cases if case.variant.kind in members]
            count = Counter(column for case in found for column in (case.of_proof, case.of_check))
            count["lines"], count["taken"] = len(found), sum(case.taken for case in found)
            rows.append(f"{name:<28}" + "".join(f"{count[column]:>15}" for column in _COLUMNS))
        return "\n".join(rows)

    def differences(self) -> Iterator[str]:
        """Every case that is not as the judge says, in a few lines."""
        for case in sorted(self.cases, key=lambda one: (one.of_proof, one.of_check, one.variant.kind)):
            if case.of_proof == "proof right" and case.of_check == "check right":
                continue
            yield f"{case.of_proof} | {case.of_check} | {case.variant.kind}: {case.variant.note}"
            yield f"    judge: {'taken' if case.taken else 'refused'}: {case.words[-300:]!r}"
            if case.proof is not None:
                yield f"    proof: {case.proof.verdict}: {case.proof.said or case.proof.reason}"
            else:
                yield f"    proof: none: {case.error}"
            yield f"    check: {'; '.join(f'{one.kind}: {one.message}' for one in case.report.findings)[:300]}"


async def compare(place: QemuPlace, most: int) -> Table:
    """The verdicts of one QEMU on this many lines; written to a file as well."""
    caps = Capabilities.from_recording((await interview(place.binary, root=place.root)).recording)
    table = Table(str(caps.version), await _judge_all(variants_of(caps, most), place, caps))
    directory = CHECKOUT / "build"
    directory.mkdir(exist_ok=True)
    text = "\n".join([table.text(), "", *table.differences()])
    (directory / f"agreement-{table.version}.txt").write_text(text + "\n")
    return table


def variants_of(caps: Capabilities, most: int) -> list[Variant]:
    """The sound lines for a QEMU as they are written, and this many variants of them, two thirds of them spoilt."""
    lines = lines_for(caps.version.numbers)
    makers = [Maker(line, caps, number, _SEED) for number, line in enumerate(lines)]
    spoilt = [variant for maker in makers for variant in maker.spoilt()]
    sound = [variant for maker in makers for variant in maker.sound()]
    return [
        *(Variant("as written", f"line {number}", tuple(line), number) for number, line in enumerate(lines)),
        *pick(spoilt, most * 2 // 3, _SEED),
        *pick(sound, most - most * 2 // 3, _SEED),
    ]


async def _judge_all(variants: list[Variant], place: QemuPlace, caps: Capabilities) -> list[Case]:
    prover = Prover()
    subject = LineSubject(place.binary, caps, place.root)
    waiting = iter(enumerate(variants))
    cases: dict[int, Case] = {}

    async def work() -> None:
        for number, variant in waiting:
            taken, words = await judge(place, variant.words)
            proof, error = None, ""
            argv = (place.binary, *variant.words)
            try:
                proof = await prover.prove(subject, LineRequest(argv, anyway=True))
            except ProberError as failed:
                error = str(failed)
            cases[number] = Case(variant, taken, words, proof, error, check_argv([*argv], caps))
            if not len(cases) % _TOLD_EACH:
                sys.stderr.write(f"QEMU {caps.version}: {len(cases)} of {len(variants)}\n")

    try:
        await asyncio.gather(*(work() for _ in range(len(os.sched_getaffinity(0)))))
    finally:
        await prover.close()
    return [cases[number] for number in sorted(cases)]


async def judge(place: QemuPlace, words: tuple[str, ...]) -> tuple[bool, str]:
    """Whether the bare QEMU takes a line: it answers on QMP, stopped, and ends when it is told to; and its words.

    QMP is on a descriptor of its own, as the line may have a use for the terminal.
    """
    root = [] if place.root is None else ["chroot", str(place.root)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        chardev = f"socket,id=x-judge,fd={theirs.fileno()}"
        process = await asyncio.create_subprocess_exec(
            *root, place.binary, *words, "-S", "-chardev", chardev, "-mon", "chardev=x-judge,mode=control",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )  # fmt: skip
        theirs.close()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                (_, stderr), printed = await asyncio.gather(process.communicate(), _converse(ours))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    # QEMU 11.1 warns of -mon.
    said = [line for line in stderr.decode(errors="replace").strip().splitlines() if "x-judge" not in line]
    return process.returncode == 0 and _has_answered(printed), "\n".join(said)


async def _converse(ours: socket.socket) -> str:
    """All that a QEMU says to :data:`_QMP` until it ends, which it may do before it has read that."""
    loop, printed = asyncio.get_running_loop(), b""
    ours.setblocking(False)
    with contextlib.suppress(ConnectionError):
        await loop.sock_sendall(ours, _QMP)
        while data := await loop.sock_recv(ours, 1 << 16):
            printed += data
    return printed.decode(errors="replace")


def _has_answered(printed: str) -> bool:
    """Whether a reply came, and not just the greeting, which a QEMU sends before it has read its whole line."""
    for line in printed.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and "return" in message:
            return True
    return False
