"""``<devices>``: whatever devices there are; each class of :mod:`prober.devices` makes itself known to the base."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any, Self, TypeVar

from prober.domain.lease import Lease
from prober.domain.redirfilter import Redirfilter
from prober.domain.shared.device import Device
from prober.domain.shared.kinds import Classes, kinds_of
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import AbsolutePathOrNothing

D = TypeVar("D", bound=Device)


@lru_cache(maxsize=4096)
def kinds_with_own(name: str, kinds: Classes) -> Classes:
    """Those of the classes that say something of their own by this attribute, property or method, where the others
    have what :class:`Device` says: of those nobody needs to ask."""
    return frozenset(kind for kind in kinds if getattr(kind, name) is not getattr(Device, name))


@lru_cache(maxsize=4096)
def _the_same(kinds: Classes) -> Classes:
    """One object for equal sets, as what is found out once for a set is looked up by it, dozens of times a domain."""
    return kinds


class Devices(Element):
    """``<devices>``: in the order of the XML, until completing adds what libvirt adds."""

    emulator: Annotated[AbsolutePathOrNothing, At("emulator"), Becomes("which binary is taken")] = None
    redirfilter: Annotated[Redirfilter | None, At("redirfilter")] = None
    leases: Annotated[tuple[Lease, ...], At("lease")] = ()
    every: Annotated[tuple[Device, ...], At("*")] = ()

    @cached_property
    def kinds(self) -> Classes:
        """The very classes of the devices: one object for all domains that have the same."""
        return _the_same(frozenset(map(type, self.every)))

    def with_every(self, devices: Sequence[Device], kinds: Classes | None = None) -> Self:
        """The same with these devices; ``kinds`` are their classes, where they are known."""
        return self.replace(every=tuple(devices), kinds=kinds or _the_same(frozenset(map(type, devices))))

    def of(self, cls: type[D]) -> Sequence[D]:
        """The devices of one class, in order."""
        wanted = kinds_of(cls, self.kinds)
        if not wanted:
            return ()
        # The classes were compared; no isinstance() a device, as this is asked dozens of times a domain.
        every: Any = self.every
        return [device for device in every if type(device) in wanted]

    def others_than(self, cls: type[Device]) -> list[Device]:
        """The devices that are not of this class, in order."""
        left_out = kinds_of(cls, self.kinds)
        return [device for device in self.every if type(device) not in left_out]

    def with_own(self, name: str) -> Sequence[Device]:
        """The devices, in order, whose class says something of its own by this attribute, property or method."""
        wanted = kinds_with_own(name, self.kinds)
        return [device for device in self.every if type(device) in wanted] if wanted else ()
