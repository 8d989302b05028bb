"""Where lines are proven: what the settings say."""

from __future__ import annotations

from prober.capabilities.catalog import Catalog
from prober.proof.prover import ProofLimits
from prober.service.prover.forwarding import ForwardingJudge
from prober.service.prover.judge import Judge, OwnJudge
from prober.service.proving import Proving
from prober.service.questions import DomainTranslator
from prober.service.settings import ServiceSettings


def make_prover(catalog: Catalog, translator: DomainTranslator, settings: ServiceSettings) -> Proving:
    """Who proves lines for the service with these settings."""
    return Proving(catalog, translator, make_judge(settings), settings.max_body)


def make_judge(settings: ServiceSettings) -> Judge:
    """A prover on the socket that the settings name, else one in this process."""
    if settings.prover_socket is not None:
        return ForwardingJudge(settings.prover_socket)
    return make_own_judge(settings)


def make_own_judge(settings: ServiceSettings) -> OwnJudge:
    """One in this process."""
    return OwnJudge(settings.catalog.cache_dir, limits_of(settings))


def limits_of(settings: ServiceSettings) -> ProofLimits:
    """How much is proven at once."""
    return ProofLimits(at_once=settings.max_proofs, waiting=settings.max_waiting_proofs)
