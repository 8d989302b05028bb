"""What a live QEMU is asked once it stands: where its things are, and what each has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from prober.proof.bench import Bench
from prober.proof.descent import looks_into
from prober.proof.drivers import driver_question
from prober.proof.equal import is_same
from prober.proof.given import Given
from prober.proof.layout import DEPTH, MOST_OBJECTS, Layout
from prober.proof.models import LiveBus, LiveDifference, LiveHotplug
from prober.proof.pci import moved_devices, pci_places
from prober.proof.present import not_there
from prober.proof.readings import Reading, drivers_of_globals, readings_of
from prober.qemu.asking import ask_all
from prober.qemu.box.judged import MappedFile
from prober.qemu.drivers import words_of_lack
from prober.qemu.qom import qom_get, qom_list
from prober.qemu.questions import Question
from prober.qemu.recording import Exchange
from prober.qemu.session import Session

#: The devices that handle PCI hot-plug, and their options of it.
HOTPLUG = {
    "PIIX4_PM": ("acpi-pci-hotplug-with-bridge-support", "acpi-root-pci-hotplug"),
    "ICH9-LPC": ("acpi-pci-hotplug-with-bridge-support",),
}

#: More differences than anybody reads.
_MOST = 200


@dataclass
class ReadBack:
    """``readings`` counts what was read and compared; ``unread`` names what QEMU has no value to tell of.

    ``accelerator`` is the one that it runs with (``kvm``, ``tcg``).  ``lacks`` is an option whose block driver this
    QEMU has not, with its words.  ``program`` is what the process that answered runs.
    """

    readings: int = 0
    differences: list[LiveDifference] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    hotplug: list[LiveHotplug] = field(default_factory=list)
    buses: list[LiveBus] = field(default_factory=list)
    accelerator: str = ""
    lacks: tuple[Given, str] | None = None
    program: MappedFile | None = None


async def read_later(session: Session, bench: Bench) -> ReadBack:
    """The same for what came to the machine later (``bench.later``), as far as it has an id.

    :raise QemuError: as :func:`read_back`.
    """
    came = [given for given in bench.later if not given.is_left_out]
    readings = readings_of(replace(bench, line=[given for given in came if given.id]), Layout())
    answers = await ask_all(session, [qom_get(one.path, one.name) for one in readings])
    found = _compared(readings, answers)
    listed, nodes, chardevs = await ask_all(
        session, [qom_list("/machine/peripheral"), Question("query-named-block-nodes"), Question("query-chardev")]
    )
    layout = Layout()
    layout.note("/machine/peripheral", listed.reply)
    found.differences += not_there(came, layout, nodes.reply, chardevs.reply)
    return found


async def read_back(session: Session, bench: Bench) -> ReadBack:
    """Read each property that the line gave, and compare it with what was given.

    :raise QemuError: where the QEMU ends, or does not answer as QMP has it.
    """
    layout, accelerator = await look_around(session, looks_into(bench.caps, drivers_of_globals(bench)))
    readings = readings_of(bench, layout)
    options = _hotplug_options(layout)
    asked = [(one.path, one.name) for one in readings] + [(one.path, one.name) for one in options]
    answers = await ask_all(session, [qom_get(*one) for one in asked])
    found = _compared(readings, answers[: len(readings)])
    found.accelerator = accelerator
    found.hotplug = _live_options(options, answers[len(readings) :])
    found.buses = await live_buses(session, layout)
    found.lacks = await _missing_drivers(session, bench)
    devices = [one for one in bench.line if one.flag == "-device" and not one.is_left_out]
    commands = ("query-pci", "query-named-block-nodes", "query-chardev")
    pci, nodes, chardevs = await ask_all(session, [Question(command) for command in commands])
    found.differences += moved_devices(devices, pci_places(pci.reply))
    found.differences += not_there(bench.line, layout, nodes.reply, chardevs.reply)
    return found


@dataclass(frozen=True, slots=True)
class _HotplugOption:
    """One option of a live device that handles hot-plug."""

    kind: str
    path: str
    name: str


def _hotplug_options(layout: Layout) -> list[_HotplugOption]:
    return [
        _HotplugOption(kind, path, name)
        for kind, names in HOTPLUG.items()
        for path in layout.live.get(kind, [])
        for name in names
    ]


def _live_options(options: Sequence[_HotplugOption], answers: Sequence[Exchange]) -> list[LiveHotplug]:
    """Those that this QEMU has."""
    return [
        LiveHotplug(name=f"{one.kind}.{one.name}", path=one.path, value=answer.reply)
        for one, answer in zip(options, answers, strict=True)
        if answer.error is None
    ]


async def live_buses(session: Session, layout: Layout) -> list[LiveBus]:
    """Each PCI bus, and the type of the device that handles hot-plug there.

    :raise QemuError: where the QEMU ends, or does not answer as QMP has it.
    """
    buses = [path for kind in ("PCI", "PCIE") for path in layout.live.get(kind, [])]
    types = {path: kind for kind, paths in layout.live.items() for path in paths}
    answers = await ask_all(session, [qom_get(path, "hotplug-handler") for path in buses])
    return [
        LiveBus(name=path.rpartition("/")[2], path=path, handler=types.get(str(answer.reply), ""))
        for path, answer in zip(buses, answers, strict=True)
    ]


async def look_around(session: Session, holds: Callable[[str], bool]) -> tuple[Layout, str]:
    """Where the devices are, level by level, below what ``holds`` something; and the accelerator.

    :raise QemuError: where the QEMU ends, or does not answer as QMP has it.
    """
    layout = Layout()
    cpus, kvm, listed = await ask_all(
        session, [Question("query-cpus-fast"), Question("query-kvm"), qom_list("/machine")]
    )
    layout.cpu = _first_cpu(cpus)
    paths = layout.note("/machine", listed.reply, holds)
    seen = len(paths)
    for _ in range(DEPTH - 1):
        answers = await ask_all(session, [qom_list(path) for path in paths])
        below = [
            child
            for path, answer in zip(paths, answers, strict=True)
            for child in layout.note(path, answer.reply, holds)
        ]
        seen += len(below)
        paths = below[: max(0, MOST_OBJECTS - seen)]
    enabled = isinstance(kvm.reply, dict) and kvm.reply.get("enabled") is True
    return layout, "kvm" if enabled else "tcg"


async def _missing_drivers(session: Session, bench: Bench) -> tuple[Given, str] | None:
    """The first block driver that a file stood in for, and that this QEMU has not."""
    for driver, option in bench.drivers.items():
        command, arguments = driver_question(driver)
        (answer,) = await ask_all(session, [Question(command, arguments)])
        words = words_of_lack(driver, answer.reply)
        if words is not None:
            return option, words
    return None


def _first_cpu(answer: Exchange) -> str:
    reply = answer.reply
    if isinstance(reply, list) and reply and isinstance(reply[0], dict):
        return str(reply[0].get("qom-path") or "")
    return ""


def _compared(readings: Sequence[Reading], answers: Sequence[Exchange]) -> ReadBack:
    found = ReadBack()
    for reading, answer in zip(readings, answers, strict=True):
        if answer.error is not None:
            found.unread.append(f"{reading.option.flag} {reading.part}: {answer.error.desc}"[:200])
            continue
        found.readings += 1
        if not is_same(reading.name, reading.given, answer.reply) and len(found.differences) < _MOST:
            found.differences.append(_difference(reading, answer.reply))
    return found


def _difference(reading: Reading, got: JsonValue) -> LiveDifference:
    option = reading.option
    return LiveDifference(
        position=option.position,
        flag=option.flag,
        part=reading.part,
        path=reading.path,
        given=str(reading.given)[:200],
        got=got,
    )
