"""Working for a client: which binary of the catalog a domain or an argv is for, and then the pure pipeline."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.find import Found
from prober.errors import UnknownBinaryError

if TYPE_CHECKING:
    from prober.commandline.report import ArgvReport
    from prober.domain import Host, Translation

T = TypeVar("T")

#: Up to this size (bytes) a domain is worked on where it is: a thread costs more than it helps others.
_SMALL = 65536

#: And an argv up to this number of words.
_FEW = 500

#: libvirt's name of an architecture where QEMU has another.
_TARGETS = {"i686": "i386", "armv7l": "arm", "armv6l": "arm", "ppc64le": "ppc64"}


async def translate_for(
    catalog: Catalog,
    xml: bytes,
    *,
    most: int,
    named: str | None,
    monitor: str | None,
    incoming: str | None,
    host: Host,
    assume_unknown_present: bool,
) -> Translation:
    """Translate a domain with a binary of the catalog: the ``named`` one, else its ``<emulator>``, else by its arch.

    ``most`` is how many bytes the domain may have, ``monitor`` the path of a QMP socket that QEMU shall make,
    ``incoming`` where the guest's state comes from, ``host`` what the host brings along.

    :raise UsageError: where ``monitor`` cannot be a socket, or ``incoming`` no address.
    :raise UnreadableDomainError: where it is not readable as XML.
    :raise RefusedError: with all refusals.
    :raise UnknownBinaryError: where the catalog has no such binary.
    :raise BinaryFailedError: where that could not be asked.
    """
    # Imported late: see prober.service.server, _load_rest.
    from prober.domain import read_domain, translate
    from prober.domain.xml import XmlLimits

    small = len(xml) <= _SMALL
    domain = await _run(partial(read_domain, xml, XmlLimits(bytes=most)), small)
    found, capabilities = await _choose(catalog, named, domain.emulator, domain.arch)
    binary = _program(found, domain.emulator, capabilities.target)
    work = partial(
        translate,
        domain,
        capabilities,
        binary=binary,
        monitor=monitor,
        incoming=incoming,
        host=host,
        assume_unknown_present=assume_unknown_present,
    )
    return await _run(work, small)


async def check_argv_for(
    catalog: Catalog, words: list[str], *, named: str | None, assume_unknown_present: bool
) -> ArgvReport:
    """Hold an argv against a binary of the catalog: the ``named`` one, else the one that the argv begins with.

    :raise UnknownBinaryError: where the catalog has no such binary.
    :raise BinaryFailedError: where that could not be asked.
    """
    from prober.commandline.report import check_argv

    try:
        _, capabilities = await catalog.use(named if named is not None else words[0])
    except UnknownBinaryError as error:
        if named is not None or not catalog.entries():
            raise
        raise UnknownBinaryError(error.message, hint=f"{error.hint}; name one of these with ?binary=") from error
    work = partial(check_argv, words, capabilities, assume_unknown_present=assume_unknown_present)
    return await _run(work, sum(map(len, words)) <= _SMALL and len(words) <= _FEW)


async def _run(work: Callable[[], T], small: bool) -> T:
    return work() if small else await asyncio.to_thread(work)


async def _choose(
    catalog: Catalog, named: str | None, emulator: str | None, arch: str | None
) -> tuple[Found, Capabilities]:
    if named is not None:
        return await catalog.use(named)
    if emulator is None:
        target = arch or os.uname().machine
        return await catalog.use((await catalog.find_for_target(_TARGETS.get(target, target))).id)
    try:
        return await catalog.use(emulator)
    except UnknownBinaryError as error:
        hint = f"{error.hint}; name one of these with ?binary=" if catalog.entries() else error.hint
        raise UnknownBinaryError(f"<emulator> {emulator[:200]!r} is not in the catalog", hint=hint) from error


def _program(found: Found, emulator: str | None, target: str) -> str:
    """What stands first in argv: the binary, by the name that the domain has for it.

    A recording is no program: there it is the domain's own emulator, or where QEMU usually is.
    """
    if found.kind == "recording":
        return emulator or f"/usr/bin/qemu-system-{target}"
    return emulator if emulator is not None and emulator in found.paths else found.path
