"""What the kernels of two hosts offer the guest of a line, as far as both told.  Pure.

Virtio features that come from ``vhost`` are the kernel's and not QEMU's, and no rehearsal on one host sees another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from prober.host.facts import HostFacts
from prober.proof.given import Given, given_options
from prober.rehearsal.models import GuestChange

#: Names of features: more than there are bits is made up.
_Names: TypeAlias = tuple[Annotated[str, Field(max_length=100)], ...]


class KernelOffers(BaseModel):
    """What one host told: the release of its ``kernel``, and what three of its devices offer, each None where it did
    not tell, as :class:`~prober.host.facts.HostFacts` has them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: Annotated[str, Field(max_length=200)] | None = None
    vhost_net: Annotated[_Names, Field(max_length=64)] | None = None
    vhost_vsock: Annotated[_Names, Field(max_length=64)] | None = None
    tun: Annotated[_Names, Field(max_length=64)] | None = None


#: A host that told nothing.
UNTOLD = KernelOffers()


def offers_of(facts: HostFacts) -> KernelOffers:
    """What of a host's facts matters here."""
    return KernelOffers(kernel=facts.kernel, vhost_net=facts.vhost_net, vhost_vsock=facts.vhost_vsock, tun=facts.tun)


def _is_tap(option: Given) -> bool:
    return option.flag in ("-netdev", "-nic", "-net") and option.type == "tap"


def _has_vhost(option: Given) -> bool:
    members = option.members
    if not _is_tap(option) or members is None:
        return False
    return members.value("vhost") in (True, "on", "yes", "true", "y") or bool(
        {"vhostfd", "vhostfds"} & {*members.names()}
    )


#: Which options of a line take what of the kernel, by the field that tells of it.
_TAKEN: Mapping[str, Callable[[Given], bool]] = MappingProxyType(
    {
        "tun": _is_tap,
        "vhost_net": _has_vhost,
        "vhost_vsock": lambda option: option.flag == "-device" and option.type.startswith("vhost-vsock"),
    }
)


def kernel_changes(words: Sequence[str], here: KernelOffers, there: KernelOffers) -> Iterator[GuestChange]:
    """What the one kernel offers and the other does not, of all that a line takes of it and that both told."""
    for field in _taken(words):
        one, other = getattr(here, field), getattr(there, field)
        if one is not None and other is not None and {*one} != {*other}:
            yield GuestChange(
                where=f"{_named(field)} of the host's kernel",
                part="what it alone offers",
                here=", ".join(name for name in one if name not in other) or None,
                there=", ".join(name for name in other if name not in one) or None,
            )


def kernel_unknowns(words: Sequence[str], here: KernelOffers, there: KernelOffers) -> Iterator[str]:
    """A sentence for each of these that a host did not tell."""
    for field in _taken(words):
        if getattr(here, field) is None or getattr(there, field) is None:
            yield f"what {_named(field)} offers is the kernel's matter on either host, and both did not tell"


def kernel_matters(words: Sequence[str]) -> Iterator[str]:
    """A sentence for what a line takes of vhost, where both QEMUs stand on one host: the guest's are two."""
    for field in _taken(words):
        if field != "tun":
            yield f"what {_named(field)} offers is the kernel's matter on either host"


def _taken(words: Sequence[str]) -> list[str]:
    options = given_options([*words])
    return [field for field, takes in _TAKEN.items() if any(map(takes, options))]


def _named(field: str) -> str:
    return field.replace("_", "-")
