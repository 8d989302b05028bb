"""``<clock>``: the guest's real-time clock, and the timers of its machine."""

from prober.domain.clock.model import Clock

__all__ = ["Clock"]
