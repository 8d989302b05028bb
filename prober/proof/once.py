"""One line proven for somebody who asks once: a prover that is closed again."""

from __future__ import annotations

from prober.proof.models import Proof
from prober.proof.prover import Prover
from prober.proof.subject import LineRequest, LineSubject


async def prove_once(subject: LineSubject, request: LineRequest) -> Proof:
    """The verdict of a QEMU on a line: started, confined and stopped, with stand-ins for what only its host has.

    What the check refuses is not started, and its verdict is *refused* on the ground *checked*.  Nothing is remembered,
    and no process and no file is left behind, whatever happens, cancellation included.

    :raise UsageError: where there are no words, too many, or some that are no text, or the first is an option.
    :raise ConfinementError: where the QEMU cannot be confined.
    :raise QemuError: where it cannot be started, or gives no verdict.
    """
    prover = Prover()
    try:
        return await prover.prove(subject, request)
    finally:
        await prover.close()
