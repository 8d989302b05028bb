"""``<name>`` and ``<uuid>``: who the domain is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prober.commandline.options import Device, Keyval, Option, Plain, Property
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
    if target.settings.set_process_name:
        pairs.append(Property("process", f"qemu:{name}", place))
    if target.caps.has("-name.debug-threads"):
        pairs.append(Property("debug-threads", True, target.place))
    yield Keyval("-name", first, tuple(pairs), place)


def emit_uuid(domain: Domain, target: Target) -> Iterator[Option]:
    """``-uuid``.  Without ``<uuid>`` there is none: libvirt would make one up, and translating may not."""
    if domain.uuid is not None:
        yield Plain("-uuid", domain.uuid, domain.place("uuid"))


def emit_genid(domain: Domain, target: Target) -> Iterator[Option]:
    """``<genid>``: a number that changes where a guest is taken back in time."""
    if domain.genid is not None:
        place = domain.place("genid")
        properties = (Property("guid", domain.genid, place), Property("id", "vmgenid0", place))
        yield Device("vmgenid", properties, place)


def short_name(domain: Domain) -> str:
    """The name of what libvirt makes for a domain: its number, which is -1 before it runs, and 20 letters of its name
    (11.3, ``virDomainDefGetShortName``)."""
    return f"-1-{domain.name[:20]}"
