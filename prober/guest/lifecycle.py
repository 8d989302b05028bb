"""``<on_poweroff>``, ``<on_reboot>`` and ``<on_crash>``: what becomes of the domain when its guest stops.

libvirt starts QEMU with ``-no-shutdown``, listens on the monitor and acts itself; with a monitor, so does
whoever runs the translated argv, and the needs of ``-no-shutdown`` say what to do.  Without one QEMU itself is
told, and a note says where it will do something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities import Verdict
from prober.commandline.deeds import OnEvent
from prober.commandline.options import Keyval, Need, Option, Plain, Property
from prober.commandline.refusal import Note, Refusal
from prober.domain.domain import Domain
from prober.domain.lifecycle import Action
from prober.host.target import Target

_EVENTS = {"on_poweroff": "SHUTDOWN", "on_reboot": "RESET", "on_crash": "GUEST_PANICKED"}


_DEEDS = {
    "destroy": "end QEMU (quit)",
    "restart": "reset the guest and let it go on (system_reset, cont)",
    "preserve": "leave QEMU paused",
    "coredump-destroy": "write the guest's memory to a file (dump-guest-memory), then end QEMU (quit)",
    "coredump-restart": "write the guest's memory to a file (dump-guest-memory), then reset the guest and let it go on "
    "(system_reset, cont)",
}

#: The same as commands of QMP; a file for the guest's memory is somebody's to choose.
_COMMANDS = {"destroy": ("quit",), "restart": ("system_reset", "cont"), "preserve": ()}


#: What QEMU does alone, what was asked for, and when, in the words of a note.
_DOES = {"destroy": "ends", "preserve": "is left paused", "restart": "resets the guest"}
_ASKED = {
    "destroy": "end",
    "restart": "restart it",
    "preserve": "keep it paused",
    "coredump-destroy": "write its memory to a file",
    "coredump-restart": "write its memory to a file and restart it",
}
_WHEN = {"on_poweroff": "powers itself off", "on_reboot": "reboots", "on_crash": "crashes"}


def emit_lifecycle(domain: Domain, target: Target) -> Iterator[Option]:
    """``-no-shutdown`` under a monitor, else what each action comes to."""
    if target.monitor is not None:
        yield Plain("-no-shutdown", None, target.place, needs=tuple(_watch(domain)))
        return
    if domain.on_reboot != "restart":
        yield Plain("-no-reboot", None, domain.place("on_reboot"))
    if _is_kept(domain):
        yield Plain("-no-shutdown", None, domain.place("on_poweroff"))
    if domain.on_crash == "preserve" and _has_panic_action(target):
        pause = (Property("panic", "pause", domain.place("on_crash")),)
        yield Keyval("-action", "", pause, domain.place("on_crash"))


def check_lifecycle(domain: Domain, target: Target) -> Iterator[Refusal | Note]:
    """What libvirt's driver does not do at a monitor, and where QEMU without one does something else."""
    if target.monitor is not None:
        yield from _check_watched(domain)
        return
    for name, does in _done_alone(domain, target).items():
        asked = getattr(domain, name)
        if asked != does:
            yield Note(
                place=domain.place(name),
                message=f"without a monitor QEMU {_DOES[does]} when the guest {_WHEN[name]}, and does not "
                f"{_ASKED[asked]}",
                hint="give it one with --monitor, and act on its events",
            )


def _is_kept(domain: Domain) -> bool:
    """Whether QEMU stays when the guest is off: nothing is lost so, where only one of two actions can be had."""
    return domain.on_poweroff == "preserve" or domain.on_reboot == "preserve"


def _has_panic_action(target: Target) -> bool:
    """Whether a crash has an action of its own (QEMU 6.0); what was not asked for is for the check to say."""
    return target.caps.supports("-action").verdict is not Verdict.absent


def _done_alone(domain: Domain, target: Target) -> dict[str, Action]:
    """What QEMU does at each event without anybody at its monitor.

    ``-no-shutdown`` keeps it after a guest that powers off, one that would reboot under ``-no-reboot``, and one that
    crashes (QEMU, ``system/runstate.c``: ``main_loop_should_exit``, ``qemu_system_guest_panicked``).
    """
    off: Action = "preserve" if _is_kept(domain) else "destroy"
    pauses = domain.on_crash == "preserve" and _has_panic_action(target)
    return {
        "on_poweroff": off,
        "on_reboot": "restart" if domain.on_reboot == "restart" else off,
        "on_crash": "preserve" if pauses else off,
    }


def _check_watched(domain: Domain) -> Iterator[Refusal]:
    """libvirt 11.3, ``qemuValidateLifecycleAction``."""
    for name in ("on_poweroff", "on_reboot"):
        if getattr(domain, name) == "preserve":
            yield Refusal(
                place=domain.place(name),
                message=f"libvirt's QEMU driver does not do <{name}>preserve",
                hint="without a monitor, QEMU itself keeps the guest",
            )
    if domain.on_poweroff == "restart" and domain.on_reboot == "destroy":
        yield Refusal(
            place=domain.place("on_poweroff"),
            message="libvirt's QEMU driver cannot restart a guest that powers off and end one that reboots",
        )


def _watch(domain: Domain) -> Iterator[Need]:
    for name, event in _EVENTS.items():
        action = getattr(domain, name)
        commands = _COMMANDS.get(action)
        deed = None if commands is None else OnEvent(event=event, commands=tuple({"execute": one} for one in commands))
        yield Need("lifecycle", name, f"on the event {event}: {_DEEDS[action]}", deed)
