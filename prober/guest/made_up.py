"""What libvirt makes up where a domain is defined, and the domain itself leaves open: UUID, genid, MAC addresses.

libvirt takes random ones, and keeps them in the domain.  Here they come from a seed, so that a domain is the same each
time that it is translated; without a seed nothing is made up, and resources say what was to be.
"""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from prober.devices.interface import CardInterface, HostdevInterface, Interface
from prober.domain.domain import Domain
from prober.domain.steps import Completion
from prober.host.target import Target

#: What the addresses of QEMU's and KVM's cards begin with (libvirt, ``QEMU_MAC``: ``virMacAddrGenerate``).
_PREFIX = "52:54:00"


def complete_made_up(domain: Domain, target: Target) -> Completion:
    """The domain with all that it leaves open, from the seed of the target; as it is, where there is none."""
    yield from ()
    seed = target.seed
    if seed is None:
        return domain
    if domain.uuid is None:
        domain = domain.replace(uuid=_uuid(seed, "uuid"))
    if domain.genid == "":
        domain = domain.replace(genid=_uuid(seed, "genid"))
    taken = {mac.lower() for card in domain.devices.of(Interface) if (mac := _mac_of(card)) is not None}
    cards: list[Interface] = []
    for number, card in enumerate(domain.devices.of(Interface)):
        if isinstance(card, CardInterface | HostdevInterface) and card.mac is None:
            mac = _mac(seed, number, taken)
            taken.add(mac)
            cards.append(card.replace(mac=mac))
        else:
            cards.append(card)
    return domain.with_all(Interface, cards)


def _mac_of(card: Interface) -> str | None:
    return card.mac if isinstance(card, CardInterface | HostdevInterface) else None


def _bytes(*words: object) -> bytes:
    """Bytes that look like random ones, always the same for the same words."""
    return sha256("\0".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()


def _uuid(seed: str, what: str) -> str:
    return str(UUID(bytes=_bytes(seed, what)[:16], version=4))


def _mac(seed: str, number: int, taken: set[str]) -> str:
    """An address for a card by its number among the interfaces, which no other card of the domain has."""
    attempt = 0
    while True:
        tail = _bytes(seed, "mac", number, attempt)[:3]
        mac = f"{_PREFIX}:{tail.hex(':')}"
        if mac not in taken:
            return mac
        attempt += 1
