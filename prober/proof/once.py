"""One line proven for somebody who asks once: a prover that is closed again."""

from __future__ import annotations

from prober.proof.models import Proof
from prober.proof.prover import Prover
from prober.proof.subject import LineRequest, LineSubject


async def prove_once(subject: LineSubject, request: LineRequest) -> Proof:
    """The verdict of a QEMU on a line; nothing is remembered.

    :raise ProberError: as :meth:`Prover.prove` does.
    """
    prover = Prover()
    try:
        return await prover.prove(subject, request)
    finally:
        await prover.close()
