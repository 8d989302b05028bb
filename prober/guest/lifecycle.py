"""``<on_poweroff>``, ``<on_reboot>`` and ``<on_crash>``: what becomes of the domain when its guest stops.

libvirt starts QEMU with ``-no-shutdown``, listens on the monitor and acts itself; with a monitor, so does
whoever runs the translated argv, and the needs of ``-no-shutdown`` say what to do.  Without one QEMU itself is
told, and what it cannot do alone is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.deeds import OnEvent
from prober.commandline.options import Keyval, Need, Option, Plain, Property
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
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


def emit_lifecycle(domain: Domain, target: Target) -> Iterator[Option]:
    """``-no-shutdown`` under a monitor, else what each action comes to."""
    if target.monitor is not None:
        yield Plain("-no-shutdown", None, target.place, needs=tuple(_watch(domain)))
        return
    keep = domain.on_poweroff == "preserve" or domain.on_reboot == "preserve"
    if domain.on_reboot != "restart":
        yield Plain("-no-reboot", None, domain.place("on_reboot"))
    if keep:
        yield Plain("-no-shutdown", None, domain.place("on_poweroff"))
    if domain.on_crash == "preserve":
        pause = (Property("panic", "pause", domain.place("on_crash")),)
        yield Keyval("-action", "", pause, domain.place("on_crash"))


def check_lifecycle(domain: Domain, target: Target) -> Iterator[Refusal]:
    """What QEMU cannot do without somebody at its monitor, and what libvirt's driver does not do at it."""
    if target.monitor is not None:
        yield from _check_watched(domain)
        return
    hint = "give a monitor, and act on its events"
    if domain.on_poweroff == "restart":
        yield Refusal(
            place=domain.place("on_poweroff"),
            message="QEMU cannot restart a guest that powers itself off without a monitor to tell it to",
            hint=hint,
        )
    if domain.on_crash not in ("destroy", "preserve"):
        deed = "restart" if domain.on_crash == "restart" else "dump the memory of"
        yield Refusal(
            place=domain.place("on_crash"),
            message=f"QEMU cannot {deed} a crashed guest without a monitor to tell it to",
            hint=hint,
        )
    if domain.on_poweroff == "preserve" and domain.on_crash == "destroy":
        yield Refusal(
            place=domain.place("on_crash"),
            message="a guest that is kept when it powers off is kept when it crashes, too: QEMU's -no-shutdown does "
            "both (system/runstate.c, qemu_system_guest_panicked)",
            hint="write <on_crash>preserve</on_crash>, or give a monitor",
        )
    if (domain.on_poweroff == "preserve") != (domain.on_reboot == "preserve") and domain.on_reboot != "restart":
        yield Refusal(
            place=domain.place("on_reboot"),
            message=f"on_poweroff '{domain.on_poweroff}' and on_reboot '{domain.on_reboot}' cannot both be had without "
            "a monitor: QEMU's -no-shutdown keeps the guest after either",
            hint=hint,
        )


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
