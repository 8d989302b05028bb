"""``<clock>``: where the guest's real-time clock starts, and the timers of its machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from prober.commandline.refusal import Broken, Unfit
from prober.domain.clock.timer import Timer, TimerName
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Becomes, Checked, Neutral
from prober.xml.values import Amount, Line

#: The last second that can be written: the end of the year 9999.
_LAST = 253402300799
#: And the first: the beginning of 1900, where C's calendar begins.
_FIRST = -2208988800


def _adjustment(value: Any) -> Any:
    """libvirt's ``adjustment``: seconds, or ``reset``."""
    text = str(value).strip()
    if text == "reset":
        return text
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise Unfit("is neither a number of seconds nor 'reset'")
    return int(text)


Seconds = Annotated[int | Literal["reset"], BeforeValidator(_adjustment)]

_VARIABLE = ("utc", "localtime", "variable")


def written(moment: int) -> str:
    """Seconds since 1970 as ``-rtc`` has a moment."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Clock(Checked):
    """An offset that depends on the moment of starting needs to be told when that is (``--starts-at``).

    A time zone is one of QEMU's environment, and so it becomes a resource.
    """

    offset: Annotated[
        Literal["utc", "localtime", "variable", "timezone", "absolute"], At("@offset"), Becomes("`base` of `-rtc`")
    ] = "utc"
    timezone: Annotated[Line | None, At("@timezone"), Becomes("TZ in QEMU's environment")] = None
    adjustment: Annotated[
        Seconds | None, At("@adjustment"), Becomes("`base` of `-rtc`, counted from `--starts-at`")
    ] = None
    adjustment0: Annotated[
        Seconds | None, At("@adjustment0"), Neutral("libvirt's own note of the adjustment when the domain started")
    ] = None
    basis: Annotated[Literal["utc", "localtime"] | None, At("@basis"), Becomes("`base` of `-rtc`")] = None
    start: Annotated[Amount | None, At("@start"), Becomes("`base` of `-rtc`")] = None
    timers: Annotated[tuple[Timer, ...], At("timer"), Becomes("keys of `-rtc`, `-machine` and `-cpu`")] = ()

    def rules(self) -> Iterator[Broken]:
        """Attributes that belong to another offset."""
        if self.adjustment is not None and self.offset not in _VARIABLE:
            yield Broken("adjustment", f"adjustment does not belong to offset='{self.offset}'")
        if self.offset != "variable":
            for name in ("basis", "adjustment0"):
                if getattr(self, name) is not None:
                    yield Broken(name, f"{name} belongs to offset='variable' alone")
        yield from self._start_rules()
        if self.offset == "timezone" and self.timezone is None:
            yield Broken("", "offset='timezone' needs timezone=…, as Europe/Paris")
        if self.offset != "timezone" and self.timezone is not None:
            yield Broken("timezone", "timezone belongs to offset='timezone' alone")
        for name in given_twice(timer.name for timer in self.timers):
            yield Broken("timers", f"<timer name='{name}'> is given twice")

    def _start_rules(self) -> Iterator[Broken]:
        if self.offset == "absolute" and self.start is None:
            yield Broken("", "offset='absolute' needs start=SECONDS since 1970")
        if self.offset != "absolute" and self.start is not None:
            yield Broken("start", "start belongs to offset='absolute' alone")
        if self.start is not None and self.start > _LAST:
            yield Broken("start", f"'{self.start}' is after the year 9999")

    @property
    def is_variable(self) -> bool:
        """Whether the guest's clock goes on from where it was, which is told from the moment of starting
        (libvirt 11.3, ``virDomainDefClockParse``: so it is with any number of seconds)."""
        return self.offset == "variable" or isinstance(self.adjustment, int)

    @property
    def follows_local_time(self) -> bool:
        """Whether a variable clock counts from the host's local time."""
        return (self.basis or self.offset) == "localtime"

    @property
    def seconds(self) -> int:
        """How far a variable clock is ahead."""
        return self.adjustment if isinstance(self.adjustment, int) else 0

    def moment(self, starts_at: int, utc_offset: int) -> int | None:
        """What a variable clock shows at the start, in seconds since 1970; None where that cannot be written."""
        moment = starts_at + self.seconds + (utc_offset if self.follows_local_time else 0)
        return moment if _FIRST <= moment <= _LAST else None

    def base(self, starts_at: int | None, utc_offset: int) -> str:
        """What ``-rtc`` starts from.  Without the moment of starting, a variable clock that is not ahead follows the
        host's."""
        if self.start is not None:
            return written(self.start)
        if not self.is_variable:
            return "localtime" if self.offset == "timezone" else self.offset
        moment = self.moment(starts_at, utc_offset) if starts_at is not None else None
        if moment is not None:
            return written(moment)
        return "localtime" if self.follows_local_time else "utc"

    def timer(self, name: TimerName) -> Timer | None:
        """The timer of this name."""
        return next((timer for timer in self.timers if timer.name == name), None)
