"""What a QEMU is asked.  Pure: from what is known of a binary so far to the questions that follow.

The opening questions are understood by every QEMU that speaks QMP (0.13 and later); they say which of the
others it has.  A command that a binary does not have is never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from prober.qemu.drivers import ARGUMENT, COMMAND, driver_line, drivers_to_ask
from prober.qemu.families import cpu_family
from prober.qemu.recording import Exchange
from prober.qemu.replies import PROPERTY_COMMANDS, JsonValue


class Stage(StrEnum):
    """Where in the interview a question stands; also how progress is reported."""

    basics = "basics"
    types = "types"
    cpu_models = "cpu_models"
    drivers = "drivers"


class Lane(StrEnum):
    """Who has to ask: the first process (with KVM where there is KVM), the second (TCG), or either."""

    first = "first"
    second = "second"
    either = "either"


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """One command with its arguments.  Two questions are the same only if they are the same object.

    ``part`` is the part of the recording that it belongs to.  ``last`` is one that is asked when all others are
    answered, as it is known to kill some QEMU.
    """

    command: str
    arguments: Mapping[str, JsonValue] | None = None
    stage: Stage = Stage.basics
    lane: Lane = Lane.first
    part: int = 0
    last: bool = False

    @property
    def typename(self) -> str | None:
        """The type that is asked for its properties, else None."""
        name = self.arguments.get("typename") if self.arguments else None
        return name if isinstance(name, str) else None

    def __str__(self) -> str:
        return f"{self.command} {self.typename}" if self.typename else self.command


#: Without answers to these nothing is known; a QEMU that dies of one ends the interview.
OPENING = ("query-version", "query-commands")

#: What depends neither on the accelerator nor on another answer, in the order of the recording.
_BASICS: tuple[tuple[str, Lane], ...] = (
    ("query-target", Lane.first),
    ("query-kvm", Lane.first),
    ("qom-list-types", Lane.first),
    ("query-qmp-schema", Lane.either),
    ("query-machines", Lane.first),
    ("query-cpu-definitions", Lane.first),
    ("query-command-line-options", Lane.first),
    ("query-tpm-models", Lane.either),
    ("query-tpm-types", Lane.either),
    ("query-migrate-capabilities", Lane.either),
    ("query-sev-capabilities", Lane.first),
    ("query-sgx-capabilities", Lane.first),
)

#: These hold the options that this project is about: asked always, and before all other types.
_FIRST_TYPES = ("PIIX4_PM", "ICH9-LPC")

#: The types that kill some QEMU that is asked for their properties (seen with Debian's 5.2, 7.2 and 10.0; 11.1 survives
#: all of them).  They are asked last: then a process is lost with nothing but one of them, and what was learned before
#: needs no other.  That decides on the order alone, and any other type may kill as well.
KILLERS = frozenset(
    {
        "chardev-msmouse",  # 5.2
        "chardev-wctablet",  # 5.2
        "colo-compare",  # 5.2, 7.2, 10.0
        "memory-region-portio-list",  # 10.0
        "microvm-machine",  # 5.2, 7.2
        "qio-net-listener",  # 7.2, 10.0
        "virtio-gpu-gl-pci",  # 7.2, where one of its two modules is not installed
        "virtio-vga-gl",  # 7.2, likewise
        "x-remote-object",  # 7.2, 10.0
        "x-rv128-riscv-cpu",  # 7.2
    }
)

#: Targets whose models expand to a ``static`` model; the others know ``full`` only (QEMU,
#: ``qapi/machine-target.json``).
_STATIC_TARGETS = frozenset({"x86_64", "i386", "s390x"})


#: What is asked of some targets alone (QEMU, ``qapi/misc-arm.json``; others have it from 10.1 on, without an answer).
_OF_TARGETS: Mapping[str, tuple[str, ...]] = {
    "aarch64": ("query-gic-capabilities",),
    "arm": ("query-gic-capabilities",),
}


#: Makes QEMU load all of its modules, as a side effect of listing their types.
LOAD_MODULES = Question("qom-list-types")


def needs_modules(question: Question) -> bool:
    """Whether the answer lacks what modules bring (``-spice``) until they are loaded."""
    return question.command == "query-command-line-options"


def is_unknown_type(exchange: Exchange) -> bool:
    """Whether QEMU says that it does not know a type: it has none, or its module is not loaded."""
    return exchange.error is not None and exchange.error.cls == "DeviceNotFound"


def opening() -> list[Question]:
    """The first questions of every interview."""
    return [Question(command) for command in OPENING]


def basics(commands: frozenset[str]) -> list[Question]:
    """What is asked next, of a binary that has these commands."""
    asked = []
    for command, lane in _BASICS:
        if command not in commands:
            continue
        asked.append(Question(command, lane=lane))
        if command == "qom-list-types":
            asked.append(Question(command, {"abstract": True}))
            if property_command(commands) == "device-list-properties":
                asked.append(Question(command, {"implements": "device", "abstract": False}))
    return asked


def expansions(commands: frozenset[str], target: str, kvm: bool) -> list[Question]:
    """What the first process is asked once the target is known: which GICs there are on ARM, and its best CPU model,
    ``host`` with KVM, ``max`` with TCG.

    ``query-cpu-model-comparison`` is not asked: it would tell nothing more.  Only s390x has it (QEMU's
    ``target/s390x/cpu_models_sysemu.c``); others have no such command, and from 10.1 or so one that answers "CPU model
    comparison is not supported on this target" (``stubs/monitor-cpu-s390x.c``; so does 11.1.2 for x86_64, and 10.0 does
    not know it).  On s390x a model is compared by generation and features with the best one, and the
    ``unavailable-features`` of ``query-cpu-definitions`` come of the same comparison (``check_unavailable_features``
    there): ``type`` for a generation, and each feature by its name.
    """
    asked = [Question(command) for command in _OF_TARGETS.get(target, ()) if command in commands]
    if "query-cpu-model-expansion" not in commands:
        return asked
    kind = "static" if target in _STATIC_TARGETS else "full"
    if not kvm:
        return asked + [_expansion(*one) for one in _ways(kind, "max", target)]
    ways = _ways(kind, "host", target)
    if kind == "static" and target != "s390x":
        # What libvirt asks too: every Hyper-V enlightenment that this kernel has.
        ways.append(("full", "host", {"migratable": False, "hv-passthrough": True}))
    return asked + [_expansion(*one) for one in ways]


def tcg_part(commands: frozenset[str], target: str) -> list[Question]:
    """What differs under TCG, asked of the second process where the first one has KVM."""
    kind = "static" if target in _STATIC_TARGETS else "full"
    asked = [
        Question(command, lane=Lane.second, part=1) for command in ("query-cpu-definitions",) if command in commands
    ]
    if "query-cpu-model-expansion" in commands:
        asked += [_expansion(*one, lane=Lane.second, part=1) for one in _ways(kind, "max", target)]
    if "query-machines" in commands:
        asked.append(Question("query-machines", lane=Lane.second, part=1))
    return asked


def _ways(kind: str, model: str, target: str) -> list[tuple[str, str, dict[str, JsonValue]]]:
    plain: list[tuple[str, str, dict[str, JsonValue]]] = [(kind, model, {})]
    # Only x86 models have the property; without it, features that cannot be migrated are listed too.
    return [*plain, (kind, model, {"migratable": False})] if target in ("x86_64", "i386") else plain


def _expansion(
    kind: str, model: str, props: dict[str, JsonValue], *, lane: Lane = Lane.first, part: int = 0
) -> Question:
    asked: dict[str, JsonValue] = {"name": model, **({"props": props} if props else {})}
    return Question("query-cpu-model-expansion", {"type": kind, "model": asked}, lane=lane, part=part)


def property_command(commands: frozenset[str]) -> str | None:
    """How this binary is asked for the properties of a type, if it can be."""
    for command in PROPERTY_COMMANDS:
        if command in commands:
            return command
    return None


def type_questions(commands: frozenset[str], types: Mapping[str, str | None], kvm: bool) -> list[Question]:
    """One question for each concrete type (name to parent), in the order of the recording.

    Of a family of CPU models one is asked.  With KVM the CPU models are for the first process alone, as
    what they have may depend on the accelerator.
    """
    command = property_command(commands)
    if command is None:
        return []
    plain: list[str] = [*_FIRST_TYPES]
    models: list[str] = []
    families: set[str] = set()
    for typename in sorted(types.keys() - set(_FIRST_TYPES)):
        family = cpu_family(typename, types[typename])
        if family is None or family not in families:
            (models if is_cpu(typename) else plain).append(typename)
        if family is not None:
            families.add(family)
    lane = Lane.first if kvm else Lane.either
    return [
        *_about(plain, command, Stage.types, Lane.either),
        *_about(models, command, Stage.cpu_models, lane),
    ]


def driver_questions(commands: frozenset[str], schema: JsonValue) -> list[Question]:
    """Whether the binary has the block drivers of its schema that may live in modules: one question for each."""
    return [
        Question(COMMAND, {ARGUMENT: driver_line(driver)}, Stage.drivers, Lane.either)
        for driver in drivers_to_ask(commands, schema)
    ]


def is_cpu(typename: str) -> bool:
    """Whether this is the type of a CPU model, by the suffix that QEMU gives all of them."""
    return typename.endswith("-cpu")


def _about(typenames: Iterable[str], command: str, stage: Stage, lane: Lane) -> Iterator[Question]:
    return (Question(command, {"typename": typename}, stage, lane, last=typename in KILLERS) for typename in typenames)
