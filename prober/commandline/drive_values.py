"""What ``-drive`` says, as QEMU takes it apart: old names, what it keeps for itself, what it hands to block drivers.

``drive_new`` (``blockdev.c``) first writes old names as new ones, then takes the keys of its own lists; the rest is of
the block driver.  A drive of which nothing is left, and that has no file, is one without a medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from prober.commandline.line import switch
from prober.commandline.options import Keyval, Value

#: Old names and what they stand for (``blockdev.c``, ``drive_new``: ``opt_renames``).
RENAMED: Mapping[str, str] = MappingProxyType(
    {
        **{
            f"{kind}{old}{end}": f"throttling.{kind}-{new}{end.replace('_', '-')}"
            for kind in ("bps", "iops")
            for old, new in (("", "total"), ("_rd", "read"), ("_wr", "write"))
            for end in ("", "_max")
        },
        "iops_size": "throttling.iops-size",
        "group": "throttling.group",
        "readonly": "read-only",
    }
)

#: What ``-drive`` keeps for itself (``blockdev.c``, ``qemu_legacy_drive_opts`` and ``qemu_common_drive_opts``), beside
#: the limits and intervals, which begin with a word.
_KEPT = frozenset(
    {
        "aio", "bus", "cache.writeback", "copy-on-read", "detect-zeroes", "file", "format", "id", "if", "index",
        "media", "read-only", "rerror", "snapshot", "stats-account-failed", "stats-account-invalid", "unit", "werror",
    }
)  # fmt: skip
_KEPT_GROUPS = ("throttling.", "stats-intervals.")

#: Modes of ``cache`` that go around the host's cache (``block.c``, ``bdrv_parse_cache_mode``).
DIRECT = frozenset({"none", "off", "directsync"})


def drive_values_of(drive: Keyval) -> dict[str, Value]:
    """What a drive says, by new names."""
    return {RENAMED.get(name, name): value for name, value, _ in drive.pairs}


def file_of(values: Mapping[str, Value]) -> str:
    """The file that ``file=`` names, empty for none."""
    file = values.get("file")
    return str(file) if isinstance(file, str) else ""


def handed_on(values: Mapping[str, Value]) -> set[str]:
    """The keys that are left for the block driver; ``cache`` is two of them."""
    left = {name for name in values if name not in _KEPT and not name.startswith(_KEPT_GROUPS)}
    return left | {"driver"} if "format" in values else left


def has_no_medium(values: Mapping[str, Value]) -> bool:
    """Whether it is a drive without anything in it."""
    return not file_of(values) and not handed_on(values)


def is_read_only(values: Mapping[str, Value]) -> bool:
    """Whether nothing may be written to it; a CD is only read."""
    return values.get("media") == "cdrom" or switch(values.get("read-only")) is True


def is_direct(values: Mapping[str, Value]) -> bool | None:
    """Whether the host's cache is gone around; None where that is no switch."""
    own = values.get("cache.direct")
    return switch(own) if own is not None else values.get("cache") in DIRECT


def throttling_of(values: Mapping[str, Value]) -> dict[str, Value]:
    """The limits that a drive sets, by QMP's names."""
    start = "throttling."
    return {name.removeprefix(start): value for name, value in values.items() if name.startswith(start)}
