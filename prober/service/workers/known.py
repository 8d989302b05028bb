"""What a worker knows of binaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.slices import Assembly


class KnownBinaries:
    """What this worker was told that binaries can do, by the numbers that the service has for them."""

    def __init__(self) -> None:
        self._known: dict[int, Capabilities] = {}
        self._assembly: Assembly | None = None

    def take(self, head: Mapping[str, Any], body: bytes) -> None:
        """A slice of one, or that some are no longer wanted.

        :raise SliceError: where the slices do not make capabilities.
        """
        for key in head.get("forget", ()):
            self._known.pop(key, None)
        key = head.get("slice")
        if key is None:
            return
        if self._assembly is None:
            self._assembly = Assembly()
        if body:
            self._assembly.add(body)
        else:
            assembly, self._assembly = self._assembly, None
            self._known[key] = assembly.finish()

    def get(self, key: int | None) -> Capabilities | None:
        """What the binary of this number can do; None without a number.

        :raise KeyError: where the service did not tell.
        """
        return None if key is None else self._known[key]
