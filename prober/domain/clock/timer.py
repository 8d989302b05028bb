"""``<timer>``: one of the machine's timers, and how it makes up for ticks that a guest missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import Amount, YesNo

TimerName = Literal["platform", "pit", "rtc", "hpet", "tsc", "kvmclock", "hypervclock", "armvtimer"]
TickPolicy = Literal["delay", "catchup", "merge", "discard"]
Track = Literal["boot", "guest", "wall", "realtime"]

#: What QEMU calls what the real-time clock follows (libvirt 11.3, ``qemuBuildClockArgStr``).
TRACKS: Mapping[str, str] = MappingProxyType({"guest": "vm", "wall": "host", "realtime": "rt"})

_NO_EFFECT = "libvirt reads it, and hands nothing to QEMU"


class Catchup(Element):
    """``<catchup>``: how fast missed ticks are made up for; QEMU cannot be told."""

    threshold: Annotated[Amount | None, At("@threshold"), Neutral(_NO_EFFECT)] = None
    slew: Annotated[Amount | None, At("@slew"), Neutral(_NO_EFFECT)] = None
    limit: Annotated[Amount | None, At("@limit"), Neutral(_NO_EFFECT)] = None

    @property
    def says_something(self) -> bool:
        """Whether any of it is not 0."""
        return bool(self.threshold or self.slew or self.limit)


class Timer(Checked):
    """What a timer is told; which attributes mean something depends on its name."""

    name: Annotated[TimerName, At("@name"), Becomes("keys of `-rtc`, `-machine`, `-cpu`, or a `-global`")]
    present: Annotated[YesNo | None, At("@present"), Becomes("`hpet` of `-machine`, or features of `-cpu`")] = None
    tickpolicy: Annotated[
        TickPolicy | None, At("@tickpolicy"), Becomes("`driftfix` of `-rtc`, or `kvm-pit.lost_tick_policy`")
    ] = None
    track: Annotated[Track | None, At("@track"), Becomes("`clock` of `-rtc`")] = None
    frequency: Annotated[Amount | None, At("@frequency"), Becomes("`tsc-frequency` of `-cpu`")] = None
    mode: Annotated[
        Literal["auto", "native", "emulate", "paravirt", "smpsafe"] | None, At("@mode"), Neutral(_NO_EFFECT)
    ] = None
    catchup: Annotated[Catchup | None, At("catchup"), Neutral(_NO_EFFECT)] = None

    def rules(self) -> Iterator[Broken]:
        """What QEMU's timers cannot do (libvirt 11.3, ``qemuValidateDomainDefClockTimers``)."""
        if self.name == "platform":
            yield Broken("name", "QEMU has no timer 'platform'")
        if self.name == "armvtimer" and self.tickpolicy in ("catchup", "merge"):
            yield Broken("tickpolicy", f"the timer 'armvtimer' has no tickpolicy='{self.tickpolicy}'")
        if self.name == "rtc":
            if self.track == "boot":
                yield Broken("track", "QEMU's real-time clock cannot track='boot'; it can guest, wall and realtime")
            if self.tickpolicy in ("merge", "discard"):
                yield Broken("tickpolicy", f"QEMU's real-time clock has no tickpolicy='{self.tickpolicy}'")
        if self.name == "pit" and self.tickpolicy == "merge":
            yield Broken("tickpolicy", "QEMU's PIT has no tickpolicy='merge'")
        yield from self._foreign()

    def _foreign(self) -> Iterator[Broken]:
        """Attributes that belong to other timers (libvirt 11.3, ``virDomainDefPostParseTimer``)."""
        if self.catchup is not None and self.catchup.says_something and self.tickpolicy != "catchup":
            yield Broken("catchup", "<catchup> belongs to tickpolicy='catchup' alone")
        if self.name in ("kvmclock", "hypervclock") and self.tickpolicy is not None:
            yield Broken("tickpolicy", f"the timer '{self.name}' misses no ticks, so it has no tickpolicy")
        if self.name != "tsc":
            for field in ("frequency", "mode"):
                if getattr(self, field) is not None:
                    yield Broken(field, f"{field} belongs to the timer 'tsc' alone")
        if self.name not in ("rtc", "platform") and self.track is not None:
            yield Broken("track", "track belongs to the timer 'rtc' alone")

    def cpu_properties(self) -> Iterator[Property]:
        """Keys of ``-cpu``, for the timers that a CPU shows (libvirt 11.3, ``qemuBuildCpuCommandLine``)."""
        if self.name == "kvmclock" and self.present is not None:
            yield Property("kvmclock", self.present, self.place("present"))
        if self.name == "hypervclock" and self.present:
            yield Property("hv-time", True, self.place("present"))
        if self.name == "armvtimer" and self.tickpolicy in ("delay", "discard"):
            # Ticks that are lost while the guest stands still: KVM hides the time, or does not.
            yield Property("kvm-no-adjvtime", self.tickpolicy == "discard", self.place("tickpolicy"))
        if self.name == "tsc" and self.frequency:
            yield Property("tsc-frequency", self.frequency, self.place("frequency"))
