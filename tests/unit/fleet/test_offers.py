"""What a variant says of its host's CPU is what the binary said there."""

from __future__ import annotations

from prober.fleet.parts import split
from prober.guest.cpu.offer import make_offer, offer_of
from tests.hosts import on_host
from tests.recordings import FIXTURES, load_capabilities


def test_a_variant_offers_what_its_host_does() -> None:
    caps = on_host(load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz"), "EPYC-Rome")
    _, variant = split(caps)
    for name, host in variant.accelerators.items():
        assert make_offer(host.unavailable, host.expansions) == offer_of(caps.accelerators[name])
