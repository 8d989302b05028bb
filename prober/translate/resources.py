"""What whoever starts QEMU has to prepare before, or to do after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.options import Option, Plain, Raw
from prober.commandline.prepared import find_needs
from prober.devices.audio.model import Audio
from prober.domain.clock import Clock
from prober.domain.domain import Domain
from prober.domain.os import Os
from prober.domain.qemu_namespace import QemuCommandline
from prober.domain.shared.environment import variable
from prober.translate.translation import Resource


def find_resources(written: Iterable[tuple[Option | Raw, int]]) -> Iterator[Resource]:
    """All of them, in the order of the argv; each option comes with the index of its flag."""
    for option, flag in written:
        word = flag if isinstance(option, Plain) and option.value is None else flag + 1
        for need, key, text in find_needs(option):
            yield Resource(
                kind=need.kind, name=need.name, todo=need.todo, word=word, key=key, value=text, deed=need.deed
            )


def find_made_up(domain: Domain, completed: Domain) -> Iterator[Resource]:
    """The UUID that the domain asks for and does not have; what else is to be made up is part of an option."""
    if domain.uuid == "" and completed.uuid is None:
        todo = "add -uuid with one of its own, or use --make-up"
        yield Resource(kind="made-up", name="uuid", todo=todo, word=0, key="uuid")


def find_host_tables(os: Os) -> Iterator[Resource]:
    """What ``<smbios mode='host'>`` shows of the host, which translating does not look at (libvirt 11.3,
    ``qemuBuildSmbiosCommandLine``: the BIOS, the system and its board, as the host's own tables have them)."""
    if os.smbios == "host":
        todo = (
            "add what the host's own tables say: -smbios type=0, type=1 and type=2, of bios_*, product_* and board_* "
            "in /sys/class/dmi/id"
        )
        yield Resource(kind="smbios", name="host", todo=todo, word=0, key="smbios")


def find_environment(
    clock: Clock, commandline: QemuCommandline | None, audio: Iterable[Audio] = ()
) -> Iterator[Resource]:
    """What must stand in QEMU's environment: the time zone of the clock, where the sound goes to in a QEMU that has no
    option for it, and what ``<qemu:env>`` says."""
    wanted = [] if clock.timezone is None else [("TZ", clock.timezone)]
    wanted += (pair for one in audio for pair in one.variables())
    if commandline is not None:
        wanted += [(env.name, env.value) for env in commandline.environment]
    for name, value in wanted:
        need = variable(name, value)
        yield Resource(kind=need.kind, name=name, todo=need.todo, word=0, key=name, value=value, deed=need.deed)
