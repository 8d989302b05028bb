"""Giving back the memory that is free."""

from __future__ import annotations

import ctypes

_libc = ctypes.CDLL(None)


def give_back_memory() -> None:
    """What is free goes back to the kernel."""
    if hasattr(_libc, "malloc_trim"):  # glibc has it, musl does not.
        _libc.malloc_trim(0)
