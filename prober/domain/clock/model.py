"""``<clock>``: where the guest's real-time clock starts, and the timers of its machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from prober.domain.binding import At, Becomes, Checked, Neutral
from prober.domain.clock.timer import Timer, TimerName
from prober.domain.values import Amount, Line

#: The last second that can be written: the end of the year 9999.
_LAST = 253402300799


def _adjustment(value: Any) -> Any:
    """libvirt's ``adjustment``: seconds, or ``reset``, which is none."""
    text = str(value).strip()
    if text == "reset":
        return 0
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise ValueError("is neither a number of seconds nor 'reset'")
    return int(text)


Seconds = Annotated[int, BeforeValidator(_adjustment)]

_VARIABLE = ("utc", "localtime", "variable")


class Clock(Checked):
    """An offset that depends on the moment of starting is refused, as translating knows no time.

    A time zone is one of QEMU's environment, and so it becomes a resource.
    """

    offset: Annotated[
        Literal["utc", "localtime", "variable", "timezone", "absolute"], At("@offset"), Becomes("`base` of `-rtc`")
    ] = "utc"
    timezone: Annotated[Line | None, At("@timezone"), Becomes("TZ in QEMU's environment")] = None
    adjustment: Annotated[Seconds | None, At("@adjustment"), Becomes("refused, if it is not 0")] = None
    adjustment0: Annotated[
        Seconds | None, At("@adjustment0"), Neutral("libvirt's own note of the adjustment when the domain started")
    ] = None
    basis: Annotated[Literal["utc", "localtime"] | None, At("@basis"), Becomes("`base` of `-rtc`")] = None
    start: Annotated[Amount | None, At("@start"), Becomes("`base` of `-rtc`")] = None
    timers: Annotated[tuple[Timer, ...], At("timer"), Becomes("keys of `-rtc`, `-machine` and `-cpu`")] = ()

    def rules(self) -> Iterator[tuple[str, str]]:
        """Attributes that belong to another offset, and adjustments that need to know what time it is."""
        if self.adjustment and self.offset in _VARIABLE:
            yield (
                "adjustment",
                "an adjustment counts from the moment of starting, which translating does not know; "
                "write offset='absolute' with start=SECONDS since 1970",
            )
        if self.adjustment is not None and self.offset not in _VARIABLE:
            yield "adjustment", f"adjustment does not belong to offset='{self.offset}'"
        if self.offset != "variable":
            for name in ("basis", "adjustment0"):
                if getattr(self, name) is not None:
                    yield name, f"{name} belongs to offset='variable' alone"
        yield from self._start_rules()
        if self.offset == "timezone" and self.timezone is None:
            yield "", "offset='timezone' needs timezone=…, as Europe/Paris"
        if self.offset != "timezone" and self.timezone is not None:
            yield "timezone", "timezone belongs to offset='timezone' alone"
        names = [timer.name for timer in self.timers]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield "timers", f"<timer name='{name}'> is given twice"

    def _start_rules(self) -> Iterator[tuple[str, str]]:
        if self.offset == "absolute" and self.start is None:
            yield "", "offset='absolute' needs start=SECONDS since 1970"
        if self.offset != "absolute" and self.start is not None:
            yield "start", "start belongs to offset='absolute' alone"
        if self.start is not None and self.start > _LAST:
            yield "start", f"'{self.start}' is after the year 9999"

    @property
    def base(self) -> str:
        """What ``-rtc`` starts from."""
        if self.start is not None:
            return datetime.fromtimestamp(self.start, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        if self.offset == "variable":
            return self.basis or "utc"
        return "localtime" if self.offset == "timezone" else self.offset

    def timer(self, name: TimerName) -> Timer | None:
        """The timer of this name."""
        return next((timer for timer in self.timers if timer.name == name), None)
