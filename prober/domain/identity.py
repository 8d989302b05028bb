"""``<name>`` and ``<uuid>``: who the domain is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prober.commandline.options import Keyval, Option, Plain, Property
from prober.domain.target import Target

if TYPE_CHECKING:
    from prober.domain.domain import Domain


def emit_name(domain: Domain, target: Target) -> Iterator[Option]:
    """``-name``: with ``guest=`` where QEMU knows the key (2.1), so that a name may hold an equals sign."""
    name, place = domain.name, domain.place("name")
    pairs: list[Property] = []
    first = ""
    if target.caps.has("-name.guest"):
        pairs.append(Property("guest", name, place))
    else:
        first = name
    if target.caps.has("-name.debug-threads"):
        pairs.append(Property("debug-threads", True, target.place))
    yield Keyval("-name", first, tuple(pairs), place)


def emit_uuid(domain: Domain, target: Target) -> Iterator[Option]:
    """``-uuid``.  Without ``<uuid>`` there is none: libvirt would make one up, and translating may not."""
    if domain.uuid is not None:
        yield Plain("-uuid", domain.uuid, domain.place("uuid"))


def short_name(domain: Domain) -> str:
    """The name of what libvirt makes for a domain: its number, which is -1 before it runs, and 20 letters of its name
    (11.3, ``virDomainDefGetShortName``)."""
    return f"-1-{domain.name[:20]}"
