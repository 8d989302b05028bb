"""A domain and devices for it: the argv that it runs with, and the commands for each device, in turn."""

from __future__ import annotations

from collections.abc import Sequence

from prober.capabilities import Capabilities
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.host.host import Host
from prober.translate.pipeline import translate
from prober.translate.plug import find_running, hotplug_of, plug_in
from prober.translate.plug_models import PlugCommands, PlugTranslation
from prober.translate.unplug import find_unplug


def translate_plug(
    domain: Domain,
    devices: Sequence[bytes],
    unplug: Sequence[str],
    capabilities: Capabilities,
    *,
    binary: str,
    host: Host | None = None,
    is_here: bool = False,
    assume_unknown_present: bool = False,
) -> PlugTranslation:
    """The commands that plug each device in, into a guest that has those before it, and what each alias has that is to
    be taken out.

    :raise UnreadableDomainError: where a device is not readable as XML.
    :raise RefusedError: with every reason against the domain, or the first device that is refused (``device``).
    """
    assume = assume_unknown_present
    translation = translate(
        domain, capabilities, binary=binary, host=host, is_here=is_here, assume_unknown_present=assume
    )
    guest = find_running(domain, capabilities, host=host, is_here=is_here, assume_unknown_present=assume)
    hotplug = hotplug_of(guest)
    unplugged = tuple(find_unplug(guest, alias) for alias in unplug)
    plugged: list[PlugCommands] = []
    for number, xml in enumerate(devices, 1):
        try:
            commands, guest = plug_in(guest, xml)
        except RefusedError as error:
            raise RefusedError(error.refusals, device=number) from error
        except UnreadableDomainError as error:
            error.device = number
            raise
        plugged.append(commands)
    return PlugTranslation(
        domain=domain.name,
        binary=binary,
        argv=translation.argv,
        devices=tuple(plugged),
        unplugged=unplugged,
        hotplug=hotplug,
    )
