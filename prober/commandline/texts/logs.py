"""What QEMU's log is told: its items (``-d``) and the addresses that it is about (``-dfilter``)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from prober.commandline.text import as_number

#: The items, each with the version from which on it may be there (``util/log.c``, ``qemu_log_items``; ``-d help`` of
#: 5.2, 7.2, 10.0 and 11.1: what came between 7.2 and 10.0 is taken from 8.0 on).
LOG_ITEMS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "all", "cpu", "cpu_reset", "exec", "fpu", "guest_errors", "in_asm", "int", "mmu", "nochain", "op",
                "op_ind", "op_opt", "out_asm", "page", "pcall", "plugin", "strace", "unimp",
            ),
            (0, 0, 0),
        ),
        "tid": (7, 0, 0),
        **dict.fromkeys(("invalid_mem", "op_plugin", "vpu"), (8, 0, 0)),
    }
)  # fmt: skip

_PATTERN = "trace:"
_MOST = 2**64


def wrong_item(text: str, version: tuple[int, int, int], *, has_plugins: bool) -> str | None:
    """The first item that there is not, or None (``util/log.c``, ``qemu_str_to_log_mask``).

    Without any there is none either.  ``trace:PATTERN`` may name what is no event.
    """
    for item in text.split(","):
        if item.startswith(_PATTERN) and len(item) > len(_PATTERN):
            continue
        if item not in LOG_ITEMS or version < LOG_ITEMS[item] or (item == "plugin" and not has_plugins):
            return item
    return None


def wrong_range(text: str) -> tuple[str, str] | None:
    """The first range of addresses that is none, and why (``util/log.c``, ``qemu_set_dfilter_ranges``)."""
    for item in text.split(",") if text else ():
        why = _wrong_range(item)
        if why:
            return item, why
    return None


def _wrong_range(text: str) -> str:
    operator = next((one for one in ("-", "+", "..") if one in text), "")
    if not operator:
        return "is like 0x1000..0x2000, 0x1000+0x200 or 0x1000-0x200"
    left, _, right = text.partition(operator)
    first, second = as_number(left), as_number(right)
    if first is None or second is None or not (abs(first) < _MOST and abs(second) < _MOST):
        return "has a number on each side"
    low = (first - (second - 1)) % _MOST if operator == "-" else first % _MOST
    high = {"-": first, "+": first + second - 1, "..": second}[operator] % _MOST
    return "ends before it begins" if low > high else ""
