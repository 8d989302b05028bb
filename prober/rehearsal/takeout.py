"""What was plugged in, taken out again as far as no guest is needed for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from prober.capabilities import Capabilities
from prober.commandline.device_types import device_type
from prober.commandline.qmp import TAKES_OUT, QmpCommand
from prober.proof.watched import tell_step
from prober.qemu.asking import ask_all
from prober.qemu.qom import qom_entries, qom_list
from prober.qemu.questions import Question
from prober.qemu.recording import Exchange
from prober.qemu.session import Session
from prober.rehearsal.plug_models import TakenOut
from prober.rehearsal.plugged import PluggedDevice

#: What a running guest is asked to let go of: by ACPI, by the slot of its port, or by the controller of its bridge
#: (QEMU 5.2 to 11.1, ``hw/acpi``, ``hw/pci/pcie.c``, ``hw/pci/shpc.c``).
_ASKS_THE_GUEST = frozenset(("pci-device", "pc-dimm", "cpu"))


#: Refused until a guest has switched CPU hot-plug to its modern form (QEMU up to 10.2, ``hw/acpi/cpu_hotplug.c``).
_BEFORE_A_GUEST = re.compile(r"acpi: device unplug request for not supported device type: [\w.-]+-cpu")

#: A device of USB redirection takes its character device along (``hw/usb/redirect.c``).
_NOT_FOUND = re.compile(r"Chardev '.*' not found", re.DOTALL)

#: How often something is asked for that may be a moment away, and what is between (seconds).
_TRIES, _BETWEEN_S = 40, 0.05


@dataclass(frozen=True)
class ToTakeOut:
    """The command that plugged it in, and what the machine told of it, if it is a device."""

    command: QmpCommand
    plugged: PluggedDevice | None


async def take_out(session: Session, these: list[ToTakeOut], told: list[TakenOut], caps: Capabilities) -> None:
    """Take these out, in this order; what becomes of each is appended to ``told``, also where QEMU ends of it.

    What a device still has that waits for a guest is left alone.

    :raise ExitedError: where the QEMU ends.
    :raise QemuError: where it does not answer as QMP has it.
    """
    held: dict[str, str] = {}
    gone: list[str] = []
    for one in these:
        execute, member = TAKES_OUT[one.command.execute]
        name = one.command.name
        needs = one.plugged is not None and bool(_ASKS_THE_GUEST & device_type(one.plugged.kind, caps).lineage)
        if not name:
            reason = "it has no id, so nothing can take it out"
            told.append(TakenOut(execute=execute, name="", outcome="not tried", reason=reason))
            _tell(told[-1])
            _hold(one, held, "what has no id")
            continue
        if name in held:
            reason = f"{held[name]} still has it"
            told.append(TakenOut(execute=execute, name=name, outcome="not tried", reason=reason))
            _tell(told[-1])
            _hold(one, held, name)
            continue
        # Noted before it is asked for: a QEMU may end of it.
        told.append(TakenOut(execute=execute, name=name, outcome="not tried", needs_guest=needs))
        answer = await _ask(session, Question(execute, {member: name}), is_patient=bool(gone))
        update: dict[str, object] = {"outcome": "gone"}
        if answer.error is not None and _BEFORE_A_GUEST.fullmatch(answer.error.desc):
            reason = "a guest that never ran has CPU hot-plug in its old form, which takes none out"
            update = {"outcome": "waits", "said": answer.error.desc, "reason": reason}
        elif answer.error is not None and execute == "chardev-remove" and _NOT_FOUND.fullmatch(answer.error.desc):
            update = {"outcome": "gone", "reason": "it went with its device"}
        elif answer.error is not None:
            update = {"outcome": "refused", "said": answer.error.desc}
        elif one.command.execute == "device_add" and await _is_there(session, name):
            update = {"outcome": "waits", "needs_guest": True}
        if update["outcome"] != "gone":
            _hold(one, held, name)
        elif one.command.execute == "device_add":
            gone.append(name)
        told[-1] = told[-1].model_copy(update=update)
        _tell(told[-1])


def _tell(one: TakenOut) -> None:
    tell_step("taken out", what=f"{one.execute} {one.name}".rstrip(), outcome=one.outcome)


async def _ask(session: Session, question: Question, *, is_patient: bool) -> Exchange:
    """The answer; a device that is gone lets go of what it had a moment later (QEMU, ``util/rcu.c``), so that a patient
    one asks again while it is refused."""
    for _ in range(_TRIES if is_patient and question.command != "device_del" else 0):
        (answer,) = await ask_all(session, [question])
        if answer.error is None or ("in use" not in answer.error.desc and "busy" not in answer.error.desc):
            return answer
        await asyncio.sleep(_BETWEEN_S)
    (answer,) = await ask_all(session, [question])
    return answer


def _hold(one: ToTakeOut, held: dict[str, str], name: str) -> None:
    """What it names stays as long as it does."""
    for text in _texts(one.command.arguments):
        held.setdefault(text, name)


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


async def _is_there(session: Session, name: str) -> bool:
    (listed,) = await ask_all(session, [qom_list("/machine/peripheral")])
    return any(one == name for one, _ in qom_entries(listed.reply))
