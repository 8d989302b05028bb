"""The pipeline: a domain and a binary's capabilities in, an argv or refusals out.  Pure throughout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

from prober.capabilities.capabilities import Capabilities
from prober.commandline.check import check, check_each
from prober.commandline.options import is_meant, meant
from prober.commandline.prepared import number_descriptors
from prober.commandline.refusal import Note, Refusal, as_refusals, first_of_each_kind
from prober.commandline.render import render_each
from prober.devices.audio.model import Audio, has_audiodev
from prober.domain.domain import Domain
from prober.domain.qemu_namespace import find_faults
from prober.errors import RefusedError
from prober.guest.cards.names import find_card_names
from prober.guest.hotplug.outcome import find_hotplug
from prober.guest.machine import check_incoming, check_monitor
from prober.guest.overrides import check_overrides
from prober.host.host import Host
from prober.host.target import Target
from prober.translate.order import emit
from prober.translate.resources import find_environment, find_host_tables, find_made_up, find_resources
from prober.translate.steps import complete_into
from prober.translate.target import find_target
from prober.translate.translation import Translation


def translate(
    domain: Domain,
    capabilities: Capabilities,
    *,
    binary: str | os.PathLike[str],
    monitor: str | None = None,
    incoming: str | None = None,
    host: Host | None = None,
    is_here: bool = False,
    assume_unknown_present: bool = False,
    strict: bool = False,
    seed: str | None = None,
) -> Translation:
    """The argv that makes this domain with this binary.

    ``binary`` becomes ``argv[0]``.  ``monitor`` is the path of a QMP socket that QEMU shall listen on.
    ``incoming`` is where the state of a guest that ran before comes from (``tcp:0:4444``, ``defer``).  ``host``
    has the settings and the firmware; without it they are libvirt's defaults, and none.  ``is_here`` is
    whether the binary was asked on the host where the domain is to run: then that host's CPU has to have what the
    domain asks of it; else that is not known.
    ``assume_unknown_present`` takes what a partial recording does not tell for granted.  ``strict`` refuses a domain
    that asks for anything that is not done, where it else stands in the notes.  ``seed`` is what that
    comes from which libvirt would make up (:mod:`prober.guest.made_up`); without it nothing is made up.

    :raise RefusedError: with every reason at once, in the order of the XML.
    :raise UsageError: where ``monitor`` is not the path of a socket, or ``incoming`` no address.
    """
    binary = os.fspath(binary)
    check_monitor(monitor)
    check_incoming(incoming)
    target = find_target(domain, capabilities, monitor, host or _plain_host(), incoming, is_here=is_here, seed=seed)
    refusals, notes = [*domain.not_understood], [*domain.notes]
    completed = complete_into(refusals, domain, target, notes)
    if strict:
        refusals += (note.refused() for note in notes)
    # Refused or not, what there is of the domain is checked, so that all that is wrong is said at once.
    options, needy = number_descriptors(emit(completed, target))
    refusals += (refusal.by("domain/check-overrides") for refusal in check_overrides(completed, target, options))
    lines: list[list[str]] = []
    if refusals:
        # Options may be missing that others refer to.
        findings = check_each(meant(options), capabilities, assume_unknown_present=assume_unknown_present)
    else:
        lines = list(render_each(options, capabilities))
        words = [tuple(line) for line, option in zip(lines, options, strict=True) if is_meant(option)]
        findings = check(meant(options), capabilities, assume_unknown_present=assume_unknown_present, written=words)
    findings += find_faults(completed.qemu_commandline, capabilities)
    refusals += as_refusals(findings, assume_unknown_present=assume_unknown_present)
    if refusals:
        raise RefusedError(refusals_in_order(refusals))
    argv, at = [binary], []
    for line in lines:
        at.append(len(argv))
        argv += line
    hotplug = tuple(find_hotplug(completed, target))
    return Translation(
        binary=binary,
        argv=tuple(argv),
        resources=(
            *find_environment(domain.clock, domain.qemu_commandline, _told_of_sound(completed, target)),
            *find_made_up(domain, completed),
            *find_host_tables(domain.os),
            *find_resources((options[one], at[one]) for one in needy),
        ),
        hotplug=hotplug,
        cards=tuple(find_card_names(completed, target, hotplug)),
        notes=tuple(notes_in_order(notes)),
    )


def notes_in_order(notes: list[Note]) -> list[Note]:
    """As the XML has them, each once, and of hundreds of one kind how many there are."""
    kept: dict[tuple[object, ...], Refusal] = {}
    for note in sorted(notes, key=lambda note: note.place.line):
        kept.setdefault((note.place, note.message), note.refused())
    return [refusal.noted() for refusal in first_of_each_kind(list(kept.values()))]


def _told_of_sound(domain: Domain, target: Target) -> Sequence[Audio]:
    """The audio backends that this QEMU has no option for."""
    return () if has_audiodev(target) else domain.devices.of(Audio)


@cache
def _plain_host() -> Host:
    """libvirt's defaults."""
    return Host()


def refusals_in_order(refusals: list[Refusal]) -> list[Refusal]:
    """As the XML has them; of several at one place for one missing thing, or with one message, the first, and of
    hundreds of one kind how many there are."""
    kept: dict[tuple[object, ...], Refusal] = {}
    for refusal in sorted(refusals, key=lambda refusal: refusal.place.line):
        kept.setdefault((refusal.place, refusal.qemu_name or refusal.message), refusal)
    return first_of_each_kind(list(kept.values()))
