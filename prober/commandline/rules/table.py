"""The table of rules, held against a command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain

from prober.commandline.line import Line
from prober.commandline.refusal import Finding
from prober.commandline.rules import (
    addresses,
    backed,
    backends,
    blocks,
    boot,
    cards,
    chardevs,
    cpu,
    deprecations,
    disks,
    drive_keys,
    drive_members,
    firmware,
    host_network,
    hostmem,
    icount,
    incoming,
    legacy,
    limits,
    logs,
    machine,
    memory,
    migration,
    names,
    network,
    nodes,
    null_nodes,
    numa,
    numa_cpus,
    numa_hmat,
    once,
    parts,
    pci,
    ports,
    ram,
    screens,
    settings,
    shared,
    shares,
    sharing,
    socket_addresses,
    sound,
    sources,
    speed,
    startup,
    switches,
    terminals,
    threads,
    topology,
    usb,
    usernet,
)
from prober.commandline.rules.rule import Rule, Version

#: Every rule.
RULES: tuple[Rule, ...] = (
    *addresses.RULES,
    *backed.RULES,
    *backends.RULES,
    *blocks.RULES,
    *boot.RULES,
    *cards.RULES,
    *chardevs.RULES,
    *cpu.RULES,
    *deprecations.RULES,
    *disks.RULES,
    *drive_keys.RULES,
    *drive_members.RULES,
    *firmware.RULES,
    *hostmem.RULES,
    *icount.RULES,
    *host_network.RULES,
    *incoming.RULES,
    *legacy.RULES,
    *limits.RULES,
    *logs.RULES,
    *machine.RULES,
    *memory.RULES,
    *migration.RULES,
    *names.RULES,
    *network.RULES,
    *nodes.RULES,
    *null_nodes.RULES,
    *numa.RULES,
    *numa_cpus.RULES,
    *numa_hmat.RULES,
    *once.RULES,
    *parts.RULES,
    *pci.RULES,
    *ports.RULES,
    *ram.RULES,
    *screens.RULES,
    *settings.RULES,
    *shared.RULES,
    *shares.RULES,
    *sharing.RULES,
    *socket_addresses.RULES,
    *sound.RULES,
    *sources.RULES,
    *speed.RULES,
    *startup.RULES,
    *switches.RULES,
    *terminals.RULES,
    *threads.RULES,
    *topology.RULES,
    *usb.RULES,
    *usernet.RULES,
)


def _by_word() -> Mapping[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for at, rule in enumerate(RULES):
        for word in rule.about:
            found[word] = (*found.get(word, ()), at)
    return found


#: Where in the table the rules stand that are about a word, and those that are about any line.
_BY_WORD = _by_word()
_OF_ANY = tuple(at for at, rule in enumerate(RULES) if not rule.about)

#: All that any rule is about.
_WORDS = frozenset(_BY_WORD)


def rules_for(line: Line) -> tuple[Rule, ...]:
    """The rules of this version that are about something that the line has, in the order of the table."""
    return _rules_about(_WORDS & line.words, line.caps.version.numbers)


@lru_cache(maxsize=256)
def _rules_about(words: frozenset[str], version: Version) -> tuple[Rule, ...]:
    """Kept, as the lines of a host have much the same words."""
    wanted = {*_OF_ANY, *chain.from_iterable(_BY_WORD[word] for word in words)}
    return tuple(rule for rule in (RULES[at] for at in sorted(wanted)) if rule.holds_for(version))


def check_rules(line: Line) -> Iterator[Finding]:
    """What QEMU would not take, or not do, of options that are each right by themselves."""
    for rule in rules_for(line):
        for fault in rule.find(line):
            yield rule.found(fault)
