"""What one QEMU makes of one domain, for a cell of the matrix.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from prober.capabilities.capabilities import Capabilities
from prober.commandline.options import Option, Raw, meant
from prober.commandline.refusal import Note, Refusal
from prober.commandline.render import render
from prober.domain.domain import Domain
from prober.errors import RefusedError
from prober.host.host import Host
from prober.pages.guest import GuestBus, guest_buses
from prober.pages.models import DomainCell, Remark
from prober.translate.order import emit
from prober.translate.pipeline import translate
from prober.translate.steps import complete_into
from prober.translate.target import find_target
from prober.translate.uses import Uses, find_uses


class CellAsked(NamedTuple):
    """How a domain is to be looked at, as ``prober check`` has it.

    ``binary`` is the path of the QEMU where it is one of this host, ``seed`` what is made up from where something is.
    """

    host: Host
    binary: str | None = None
    assume_unknown_present: bool = False
    strict: bool = False
    seed: str | None = None


def cell_of(domain: Domain, caps: Capabilities, asked: CellAsked) -> tuple[DomainCell, Uses]:
    """What the QEMU makes of the domain, and what the domain uses of it, be it refused or not.

    :raise RecordingError: where its schema has not the form that QEMU gives it.
    """
    binary = asked.binary or domain.emulator or f"/usr/bin/qemu-system-{caps.target}"
    options, buses = _complete(domain, caps, asked)
    uses = find_uses(meant(options), caps)
    try:
        told = translate(
            domain,
            caps,
            binary=binary,
            host=asked.host,
            is_here=asked.binary is not None,
            assume_unknown_present=asked.assume_unknown_present,
            strict=asked.strict,
            seed=asked.seed,
        )
    except RefusedError as error:
        argv = (binary, *render(options, caps))
        reasons = [one for one in error.refusals if isinstance(one, Refusal)]
        return DomainCell("no", refusals=remarks(reasons), argv=argv, buses=buses), uses
    return DomainCell("yes", notes=remarks(told.notes), argv=told.argv, buses=buses), uses


def outline_of(domain: Domain, caps: Capabilities, host: Host) -> tuple[tuple[GuestBus, ...], Uses, tuple[str, ...]]:
    """The PCI buses that the guest would have, what it uses of the QEMU, and what would be written for it, whether it
    is refused or not: for who is told the verdict by another.

    :raise RecordingError: where its schema has not the form that QEMU gives it.
    """
    options, buses = _complete(domain, caps, CellAsked(host))
    binary = domain.emulator or f"/usr/bin/qemu-system-{caps.target}"
    return buses, find_uses(meant(options), caps), (binary, *render(options, caps))


def _complete(domain: Domain, caps: Capabilities, asked: CellAsked) -> tuple[list[Option | Raw], tuple[GuestBus, ...]]:
    target = find_target(domain, caps, None, asked.host, is_here=asked.binary is not None, seed=asked.seed)
    completed = complete_into([], domain, target)
    return list(emit(completed, target)), guest_buses(completed, target)


def remarks(about: Iterable[Refusal | Note]) -> tuple[Remark, ...]:
    """Refusals or notes as they are shown."""
    return tuple(
        Remark(
            one.place.line,
            one.place.path,
            one.message,
            one.hint,
            one.evidence.note if isinstance(one, Refusal) and one.evidence is not None else "",
            one.rule,
        )
        for one in about
    )
