"""prober's verdict on thousands of command lines beside that of the QEMU that they are for.

Lines that QEMU accepts are spoilt in one place each, and others are changed such that they stay sound.  Each is
checked, and given to QEMU (``-S``, told to quit at once).  QEMU's verdict is bad where it ends with an error, warns
that it would ignore something, or has no device that a ``-global`` is for; else it is good.  What comes of it stands
in ``build/spoilt-VERSION.txt``, as a table by kind and every case in which the two do not agree.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.commandline.check import check
from prober.commandline.parse import parse_command_line
from prober.commandline.refusal import Finding, Kind, Position
from prober.commandline.rules.table import RULES
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conftest import CHECKOUT, QemuPlace
from tests.integration.proving import made_ready
from tests.integration.real_qemu import capabilities_of, shared_directory
from tests.integration.sound_lines import lines_of, write_files
from tests.integration.spoiling import Maker, Variant
from tests.integration.test_accepted_cases import CASES, NEEDS_KVM

SEED = 20_260_101
#: How many lines there are of both, and how many are judged without ``--whole``.
SPOILT, SOUND = 1900, 700
FEW_SPOILT, FEW_SOUND = 140, 60

#: So much of them has to be there at least, and to be what it is meant to be.
ENOUGH = 0.7

#: How many QEMUs run at a time; each has its own copy of the files, which QEMU locks.
AT_ONCE = 3

#: At most so many of the spoilt may be accepted that QEMU does not accept, all of them of a kind that is named here:
#: what QEMU says of it, and why no answer of QEMU's would have told.
BAR = 0.01
EXPLAINED: dict[str, str] = {
    r"No such file or directory|'data-file' is required for this image":
        "whether a file is there, and what is in it, is not looked at: it need not be this host's",
    r"address resolution failed|Failed to connect to": "addresses are not looked up",
    r"Address already in use": "another start of these, or something of the host, has the port at that moment",
    r"slot \d+ function \d not available for": "behind a bridge, QEMU has placed a device that has no addr of its own",
    r"usb port [\d.]+ \(bus [\w.-]+\) not found": "QEMU gives out the ports that a line leaves open",
    r"speed mismatch trying to attach usb device": "which speeds a device and a port have is in no answer",
    r"Unsupported PCI slot 0 for standard hotplug":
        "whether a bridge has a hot-plug controller of its own depends on the machine's kind of hot-plug",
    r"drive is empty|is already in use because it has been automatically connected":
        "what a -drive is for is seen where a device asks for it",
    r"driver\W+vvfat.*Image is read-only": "that a directory is only read unless rw is on is in no answer",
    r"Invalid parameter type for 'uuid', expected: string": "of a QemuUUID the name of the type is all that QEMU tells",
}  # fmt: skip

#: What keeps a QEMU from starting though nothing is wrong with its command line: a module's package that is not here,
#: or how much memory we may lock.
NOT_HERE = re.compile("Perhaps you want to install|'dbus' is not a valid char driver|locking memory failed")

#: A case with so many CPUs that TCG takes half a minute to make them.
SLOW = ("iommu-many-cpus",)

#: Rules about what QEMU ignores and says nothing of.
_SILENT = frozenset(rule.name for rule in RULES if rule.kind is Kind.ignored)

_QMP = (
    '{"execute":"qmp_capabilities"}'
    '{"execute":"human-monitor-command","arguments":{"command-line":"info qom-tree"}}'
    '{"execute":"quit"}'
)


def pick(variants: list[Variant], most: int, seed: int) -> list[Variant]:
    """As many of each kind as there are, down to an equal share; one for each note."""
    chance = random.Random(seed)
    by_kind: dict[str, dict[str, Variant]] = {}
    for variant in variants:
        by_kind.setdefault(variant.kind, {}).setdefault(variant.note, variant)
    picked: list[Variant] = []
    for left, found in zip(range(len(by_kind), 0, -1), sorted(by_kind.values(), key=len), strict=True):
        share = (most - len(picked)) // left
        picked += chance.sample([*found.values()], min(share, len(found)))
    return picked


@dataclass(frozen=True)
class Outcome:
    """What QEMU made of a variant, and what prober says of it; ``unknown`` is what is not known of the line anyway."""

    variant: Variant
    bad: bool
    words: str
    found: tuple[Finding, ...]
    unknown: frozenset[str]

    @property
    def column(self) -> str:
        """The column of the table."""
        ours = {finding.kind for finding in self.found}
        if ours & {Kind.error, Kind.ignored}:
            return "agreed" if self.bad else "false refusal"
        about = self.variant.note.partition(" ")[0]
        if any(
            finding.kind is Kind.unknown
            and (
                finding.message not in self.unknown
                or (isinstance(finding.place, Position) and finding.place.flag == about)
            )
            for finding in self.found
        ):
            return "unknown"
        return "false acceptance" if self.bad else "agreed"


@pytest.mark.timeout(1800)
def test_our_verdict_is_qemus(any_qemu: QemuPlace, whole: bool) -> None:
    most_spoilt, most_sound = (SPOILT, SOUND) if whole else (FEW_SPOILT, FEW_SOUND)
    caps = capabilities_of(any_qemu)
    with shared_directory(any_qemu) as (ours, theirs), ExitStack() as stack:
        lines = sound_lines(any_qemu, caps, ours / "0", theirs / "0", stack, every=1 if whole else 3)
        makers = [Maker(line, caps, number, SEED) for number, line in enumerate(lines)]
        spoilt = pick([variant for maker in makers for variant in maker.spoilt()], most_spoilt, SEED)
        sound = pick([variant for maker in makers for variant in maker.sound()], most_sound, SEED)
        assert len(spoilt) >= ENOUGH * most_spoilt
        assert len(sound) >= ENOUGH * most_sound
        outcomes = compare_all([*spoilt, *sound], lines, any_qemu, caps, (ours, theirs))
    table = report(outcomes, str(caps.version))
    print(table)  # noqa: T201 - what a test prints is shown where it fails
    false = [outcome for outcome in outcomes if outcome.column == "false acceptance"]
    unexplained = [o for o in false if not any(re.search(pattern, o.words) for pattern in EXPLAINED)]
    assert [o for o in outcomes if o.column == "false refusal"] == []
    assert unexplained == []
    assert len(false) <= BAR * len(spoilt)
    assert sum(o.bad for o in outcomes[: len(spoilt)]) >= ENOUGH * most_spoilt, "what is spoilt should be bad"
    assert sum(not o.bad for o in outcomes[len(spoilt) :]) >= ENOUGH * most_sound, "what is sound should be good"


def sound_lines(
    place: QemuPlace, caps: Capabilities, ours: Path, theirs: Path, stack: ExitStack, *, every: int
) -> list[list[str]]:
    """The lines to begin with, without the binary: all that this QEMU accepts; of the cases one in ``every``."""
    ours.mkdir()
    write_files(ours)
    lines = lines_of(caps.version.numbers, theirs)
    for path in sorted(CASES.glob("*.xml"))[::every]:
        if path.stem in SLOW or (path.stem in NEEDS_KVM and caps.version.major < 9):
            continue
        try:
            domain = read_domain(path.read_bytes()).replace(type="qemu")
            translation = translate(domain, caps, binary=place.binary)
        except (RefusedError, UnreadableDomainError):
            continue
        there = ours / path.stem
        there.mkdir(mode=0o755)
        ready = stack.enter_context(made_ready(place, translation.argv, there, theirs / path.stem))
        # A socket cannot be copied for those that run at the same time.
        if not any(one.is_socket() for one in there.iterdir()):
            lines.append(list(ready[1:]))
    accepted = []
    for line in lines:
        bad, words = ask(place, tuple(line), [])
        if bad and NOT_HERE.search(words):
            continue
        assert not bad, f"{words}\n{line}"
        accepted.append(line)
        wrong = [f for f in verdict(tuple(line), caps) if f.kind in (Kind.error, Kind.ignored)]
        assert wrong == [], line
    return accepted


def verdict(words: tuple[str, ...], caps: Capabilities) -> list[Finding]:
    """What prober says of the words behind the binary, but for what QEMU takes without a word and does not do."""
    parsed = parse_command_line(["qemu", *words])
    return [one for one in (*parsed.findings, *check(parsed.options, caps)) if one.rule not in _SILENT]


def compare_all(
    variants: list[Variant], lines: list[list[str]], place: QemuPlace, caps: Capabilities, shared: tuple[Path, Path]
) -> list[Outcome]:
    """Both verdicts on each variant, in the same order."""
    unknown = [
        frozenset(found.message for found in verdict(tuple(line), caps) if found.kind is Kind.unknown) for line in lines
    ]
    ours, theirs = shared
    free: SimpleQueue[int] = SimpleQueue()
    for number in range(AT_ONCE):
        free.put(number)
        if number:
            shutil.copytree(ours / "0", ours / str(number), ignore=_sockets, copy_function=_copy)

    def compare(variant: Variant) -> Outcome:
        number = free.get()
        try:
            words = tuple(word.replace(f"{theirs}/0", f"{theirs}/{number}") for word in variant.words)
            bad, said = ask(place, words, variant.globals if variant.kind == "unused global" else [])
        finally:
            free.put(number)
        return Outcome(variant, bad, said, tuple(verdict(variant.words, caps)), unknown[variant.line])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(compare, variants))


def _sockets(directory: str, names: list[str]) -> list[str]:
    """Those that cannot be copied."""
    return [name for name in names if Path(directory, name).is_socket()]


def _copy(source: str, target: str) -> str:
    """Like :func:`shutil.copy2`, but what is not written in an image is not written in its copy either."""
    subprocess.run(["cp", "--sparse=always", "--preserve=mode", source, target], check=True)
    return target


def ask(place: QemuPlace, words: tuple[str, ...], types: list[str]) -> tuple[bool, str]:
    """Whether QEMU takes it amiss, and its words.  ``types`` are those that its machine should have."""
    root = [] if place.root is None else ["chroot", str(place.root)]
    with tempfile.TemporaryFile() as output:
        ended = subprocess.run(
            [*root, place.binary, *words, "-S", "-qmp", "stdio"],
            input=_QMP.encode(),
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        output.seek(0)
        printed = output.read().decode(errors="replace")
    said = ended.stderr.decode(errors="replace").strip()
    if ended.returncode != 0:
        return True, said or f"ended with {ended.returncode}"
    if re.search(r"not used|invalid class name|ignored|has no effect", said):
        return True, said
    for name in types:
        if f"({name})" not in printed:
            return True, f"no {name} on the machine"
    return False, said


def report(outcomes: list[Outcome], version: str) -> str:
    """The table, and behind it what does not agree; written to a file."""
    columns = ("agreed", "false acceptance", "false refusal", "unknown")
    count = Counter((outcome.variant.kind, outcome.column) for outcome in outcomes)
    kinds = list(dict.fromkeys(sorted(outcome.variant.kind for outcome in outcomes)))
    rows = [f"QEMU {version}: {'':17}{'':>8}" + "".join(f"{column:>18}" for column in columns)]
    for name, members in [*((kind, [kind]) for kind in kinds), ("all", kinds)]:
        numbers = [sum(count[kind, column] for kind in members) for column in columns]
        rows.append(f"{name:<32}{sum(numbers):>8}" + "".join(f"{number:>18}" for number in numbers))
    table = "\n".join(rows)
    place = CHECKOUT / "build"
    place.mkdir(exist_ok=True)
    (place / f"spoilt-{version}.txt").write_text("\n".join([table, "", *_differences(outcomes)]) + "\n")
    return table


def _differences(outcomes: list[Outcome]) -> Iterator[str]:
    for outcome in sorted(outcomes, key=lambda o: (o.column, o.variant.kind, o.variant.note)):
        if outcome.column != "agreed":
            ours = "; ".join(map(str, outcome.found))
            verdict = "bad" if outcome.bad else "good"
            about = f"{outcome.column}: {outcome.variant.kind}: {outcome.variant.note}"
            yield f"{about}: QEMU ({verdict}): {outcome.words[-300:]!r} prober: {ours[:300]}"
