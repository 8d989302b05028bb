"""``<clock>``: where the guest's real-time clock starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from prober.commandline.options import Keyval, Option, Property
from prober.domain.binding import At, Checked
from prober.domain.target import Target
from prober.domain.values import Amount


def _adjustment(value: Any) -> Any:
    """libvirt's ``adjustment``: seconds, or ``reset``, which is none."""
    text = str(value).strip()
    if text == "reset":
        return 0
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise ValueError("is neither a number of seconds nor 'reset'")
    return int(text)


class Clock(Checked):
    """An offset that depends on the moment of starting is refused, as translating knows no time."""

    offset: Annotated[Literal["utc", "localtime", "variable", "absolute"], At("@offset")] = "utc"
    adjustment: Annotated[int | None, BeforeValidator(_adjustment), At("@adjustment")] = None
    basis: Annotated[Literal["utc", "localtime"] | None, At("@basis")] = None
    start: Annotated[Amount | None, At("@start")] = None

    def rules(self) -> Iterator[tuple[str, str]]:
        """Attributes that belong to another offset, and adjustments that need to know what time it is."""
        if self.adjustment:
            yield (
                "adjustment",
                "an adjustment counts from the moment of starting, which translating does not know; "
                "write offset='absolute' with start=SECONDS since 1970",
            )
        if self.offset not in ("utc", "localtime", "variable") and self.adjustment is not None:
            yield "adjustment", f"adjustment does not belong to offset='{self.offset}'"
        if self.offset != "variable" and self.basis is not None:
            yield "basis", "basis belongs to offset='variable' alone"
        if self.offset == "absolute" and self.start is None:
            yield "", "offset='absolute' needs start=SECONDS since 1970"
        if self.offset != "absolute" and self.start is not None:
            yield "start", "start belongs to offset='absolute' alone"
        if self.start is not None and self.start > 253402300799:
            yield "start", f"'{self.start}' is after the year 9999"

    def emit(self, target: Target) -> Iterator[Option]:
        """``-rtc base=``."""
        base: str = (self.basis or "utc") if self.offset == "variable" else self.offset
        if self.start is not None:
            base = datetime.fromtimestamp(self.start, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        yield Keyval("-rtc", "", (Property("base", base, self.place("offset")),), self.place())
