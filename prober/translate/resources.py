"""What whoever starts QEMU has to prepare before, or to do after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.options import Option, Plain, Raw
from prober.commandline.prepared import find_needs
from prober.domain.clock import Clock
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


def find_environment(clock: Clock, commandline: QemuCommandline | None) -> Iterator[Resource]:
    """What must stand in QEMU's environment: the time zone of the clock, and what ``<qemu:env>`` says."""
    wanted = [] if clock.timezone is None else [("TZ", clock.timezone)]
    if commandline is not None:
        wanted += [(env.name, env.value) for env in commandline.environment]
    for name, value in wanted:
        need = variable(name, value)
        yield Resource(kind=need.kind, name=name, todo=need.todo, word=0, key=name, value=value, deed=need.deed)
