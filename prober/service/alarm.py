"""An alarm that is started and stopped again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls back once, some seconds after it was started, unless it is stopped before; it knows whom only meanwhile."""

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started, and neither called back nor was stopped."""
        return self._handle is not None

    def start(self, seconds: float, callback: Callable[[], object]) -> None:
        """Start it, anew where it runs."""
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._fire, callback)

    def stop(self) -> None:
        """Stop it, where it runs."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self, callback: Callable[[], object]) -> None:
        self._handle = None
        callback()
