"""``-rtc``, and what the timers of the machine become."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Global, Keyval, Need, Option, Plain, Prepared, Property
from prober.commandline.refusal import Refusal
from prober.domain.clock.model import Clock, written
from prober.domain.clock.timer import TRACKS, Timer
from prober.host.host import Host
from prober.host.target import Target

#: The facts that QEMU's in-kernel PIT can be told what to do with missed ticks (libvirt: KVM_PIT_TICK_POLICY).
_PIT_POLICY = "kvm-pit.lost_tick_policy"


def emit_clock(clock: Clock, target: Target) -> Iterator[Option]:
    """The real-time clock, and timers that have options of their own (libvirt 11.3, ``qemuBuildClockCommandLine``)."""
    base = Property("base", _base(clock, target.host), clock.place("offset"))
    yield Keyval("-rtc", "", (base, *_rtc(clock.timer("rtc"))), clock.place())
    for timer in clock.timers:
        if timer.name == "pit" and target.caps.has(_PIT_POLICY) and timer.tickpolicy != "catchup":
            policy = "discard" if timer.tickpolicy == "discard" else "delay"
            yield Global("kvm-pit", Property("lost_tick_policy", policy, timer.place("tickpolicy")))
        if timer.name not in target.family.timers:
            continue
        if timer.name == "hpet" and timer.present is False and not target.caps.has("-machine.hpet"):
            yield Plain("-no-hpet", None, timer.place("present"))


def _base(clock: Clock, host: Host) -> str:
    """What the clock starts from; where it was told for one moment, that is when QEMU is to be started."""
    base = clock.base(host.starts_at, host.utc_offset)
    if host.starts_at is None or not clock.is_variable:
        return base
    todo = f"start QEMU at {written(host.starts_at)}Z, the moment that this was told for ({host.starts_at})"
    return Prepared(base, Need("moment", "clock", todo))


def _rtc(timer: Timer | None) -> Iterator[Property]:
    if timer is None:
        return
    if timer.track is not None and timer.track in TRACKS:
        yield Property("clock", TRACKS[timer.track], timer.place("track"))
    if timer.tickpolicy == "catchup":
        yield Property("driftfix", "slew", timer.place("tickpolicy"))


def machine_clock(clock: Clock, target: Target) -> Iterator[Property]:
    """``hpet`` of ``-machine`` (QEMU 8.1)."""
    hpet = clock.timer("hpet")
    if hpet is not None and hpet.present is not None and target.caps.has("-machine.hpet"):
        yield Property("hpet", hpet.present, hpet.place("present"))


def _check_timers(clock: Clock, target: Target) -> Iterator[Refusal]:
    """Timers of other machines, and what of the real-time clock is x86's (libvirt 11.3,
    ``qemuValidateDomainDefClockTimers``)."""
    if not target.is_understood:
        return
    for timer in clock.timers:
        if timer.name != "platform" and timer.name not in target.family.timers:
            if timer.present is False and timer.name != "kvmclock":
                continue  # it is as it is asked for, and nothing has to be written
            message = f"machine {target.machine} of {target.caps.target} has no timer '{timer.name}'"
            yield Refusal(place=timer.place("name"), message=message)
        elif timer.name == "rtc" and timer.tickpolicy == "catchup" and not target.is_x86:
            message = "only the real-time clock of x86 catches up; QEMU would ignore this (system/rtc.c)"
            yield Refusal(place=timer.place("tickpolicy"), message=message)
        elif timer.name == "armvtimer" and timer.tickpolicy is not None and target.accel != "kvm":
            message = "the tickpolicy of 'armvtimer' is one of KVM, and the domain's type is tcg"
            yield Refusal(place=timer.place("tickpolicy"), message=message)


def check_clock(clock: Clock, target: Target) -> Iterator[Refusal]:
    """Clocks that count from a moment that nobody told; and a PIT that catches up is KVM's alone."""
    starts_at = target.host.starts_at
    if clock.is_variable and starts_at is not None and clock.moment(starts_at, target.host.utc_offset) is None:
        yield Refusal(place=clock.place("adjustment"), message="the clock would be before the year 1900, or after 9999")
    if clock.is_variable and clock.seconds and starts_at is None:
        yield Refusal(
            place=clock.place("adjustment"),
            message="an adjustment counts from the moment of starting, which translating does not know",
            hint="tell it with --starts-at, or write offset='absolute' with start=SECONDS since 1970",
        )
    yield from _check_timers(clock, target)
    pit = clock.timer("pit")
    if pit is not None and pit.tickpolicy == "catchup" and not target.caps.has(_PIT_POLICY):
        evidence = target.caps.supports(_PIT_POLICY)
        yield Refusal(
            place=pit.place("tickpolicy"),
            message="tickpolicy='catchup' of the PIT needs KVM's own, which this QEMU does not have",
            qemu_name=_PIT_POLICY,
            evidence=evidence,
        )
