"""``<name>`` and ``<uuid>``: who the domain is."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import DeviceOption, Keyval, Need, Option, Plain, Prepared, Property
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.steps import Completion
from prober.domain.sysinfo import SmbiosInfo
from prober.host.target import Target


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


def emit_uuid(domain: Domain) -> Iterator[Option]:
    """``-uuid``: what the guest is shown, which is libvirt's own unless ``<hwuuid>`` says another.

    Without ``<uuid>`` there is none: libvirt would make one up, and here it takes a seed.
    """
    shown, field = (domain.hw_uuid, "hw_uuid") if domain.hw_uuid else (domain.uuid, "uuid")
    if shown:
        yield Plain("-uuid", shown, domain.place(field))


def emit_genid(domain: Domain) -> Iterator[Option]:
    """``<genid>``: a number that changes where a guest is taken back in time.

    Of an empty one libvirt makes one up and keeps it; QEMU itself makes up another one each time (``guid=auto``).
    """
    if domain.genid is not None:
        place = domain.place("genid")
        todo = "put the guest's own in place of auto, with which QEMU makes up another one each time, or use --make-up"
        guid = domain.genid or Prepared("auto", Need("made-up", "vmgenid0", todo))
        properties = (Property("guid", guid, place), Property("id", "vmgenid0", place))
        yield DeviceOption("vmgenid", properties, place)


def complete_uuid(domain: Domain) -> Completion:
    """A domain without ``<uuid>`` has that of its ``<sysinfo>``."""
    yield from ()
    if domain.uuid:
        return domain
    for info in domain.sysinfo:
        if isinstance(info, SmbiosInfo) and info.system is not None and info.system.uuid is not None:
            return domain.replace(uuid=info.system.uuid)
    return domain if domain.uuid is None else domain.replace(uuid=None)


def check_sysinfo(domain: Domain) -> Iterator[Refusal]:
    """A machine has one UUID; ``<hwuuid>`` says it where there is one (libvirt 12.8, asked)."""
    first = domain.hw_uuid or domain.uuid or None
    for info in domain.sysinfo:
        if not isinstance(info, SmbiosInfo) or info.system is None or info.system.uuid is None:
            continue
        first = first or info.system.uuid
        if info.system.uuid != first:
            yield Refusal(
                place=info.system.place("entries"),
                message=f"the UUID of <sysinfo> is {info.system.uuid}, and that of the domain is {first}",
                hint="write the same everywhere",
            )
