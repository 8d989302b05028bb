"""What of filesystems depends on the rest of the domain."""

from __future__ import annotations

from collections.abc import Sequence

from prober.commandline.refusal import Refusal
from prober.devices.filesystem.filesystem import Filesystem
from prober.domain.domain import Domain
from prober.domain.memory.sharing import HINT, shares_memory
from prober.domain.steps import Check, Completion
from prober.host.directories import domain_directory
from prober.host.target import Target


def complete_filesystems(domain: Domain, target: Target) -> Completion:
    """Each with the directory of its socket; virtiofs needs memory that it can see, and names of its own."""
    filesystems = domain.devices.of(Filesystem)
    first = next((fs for fs in filesystems if fs.driver == "virtiofs"), None)
    if first is not None and not shares_memory(domain.memory_backing, domain.numa):
        message = "virtiofs needs memory that is shared with virtiofsd"
        yield Refusal(place=first.place("driver"), message=message, hint=HINT)
    yield from _check_tags(filesystems)
    directory = domain_directory(domain.name, target)
    return domain.with_each(Filesystem, lambda device: device.replace(directory=directory))


def _check_tags(filesystems: Sequence[Filesystem]) -> Check:
    """A tag of virtiofs is no other's (``virDomainFSDefValidate``)."""
    tags: dict[str, list[Filesystem]] = {}
    for fs in filesystems:
        tags.setdefault(fs.mount_tag, []).append(fs)
    for same in tags.values():
        if len(same) > 1 and any(fs.driver == "virtiofs" for fs in same):
            message = f"two filesystems have the target {same[0].mount_tag!r}, the first in line {same[0].place().line}"
            yield Refusal(place=same[1].place("mount_tag"), message=message)
