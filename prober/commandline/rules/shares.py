"""Directories of the host: ``-fsdev``, and ``-virtfs``, which makes a device as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prober.commandline.line import Line, number
from prober.commandline.options import Keyval
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_COMMON = ("id", "fsdriver", "readonly", "mount_tag")
_THROTTLING = tuple(
    f"throttling.{kind}-{what}{most}" for kind in ("bps", "iops") for what in ("total", "read", "write")
    for most in ("", "-max", "-max-length")
)  # fmt: skip

#: Keys by driver (``fsdev/qemu-fsdev.c``, ``FsDrivers``).
_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "local": (
            "path", "security_model", "multidevs", "fmode", "dmode", "writeout", "throttling.iops-size", *_THROTTLING
        ),
        "proxy": ("socket", "sock_fd", "writeout"),
        "synth": (),
    }
)  # fmt: skip

#: What ``-virtfs`` does not hand on (``softmmu/vl.c``).
_LEFT_OUT = frozenset({"fmode", "dmode", "throttling.iops-size", *_THROTTLING})

#: The first version without ``proxy`` (``docs/about/removed-features.rst``).
_NO_PROXY = (9, 2, 0)

_MODELS = ("passthrough", "mapped-xattr", "mapped-file", "none", "mapped")
_MAPPED = ("mapped-xattr", "mapped-file", "mapped")
_DEVICES = ("remap", "forbid", "warn")

#: The longest tag, in bytes (``hw/9pfs/9p.h``, ``MAX_TAG_LEN`` with its end).
_LONGEST_TAG = 31


def _shares(line: Line) -> Iterator[tuple[Keyval, Mapping[str, str]]]:
    for flag in ("-fsdev", "-virtfs"):
        for option in line.keyval.get(flag, ()):
            yield option, {item.name: str(item.value) for item in option.pairs}


def _drivers(line: Line) -> Iterator[Fault]:
    known = [name for name in _KEYS if name != "proxy" or line.caps.version.numbers < _NO_PROXY]
    for option, keys in _shares(line):
        driver = option.first
        if driver not in known:
            message = f"{option.flag} has one of the drivers {', '.join(known)}, not {driver[:64]!r}"
            yield Fault(option.place, "fsdriver", message)
            continue
        for key in keys:
            if option.flag == "-virtfs" and key in _LEFT_OUT:
                continue
            if any(key in others for others in _KEYS.values()) and key not in _KEYS[driver]:
                yield Fault(option.place, key, f"{key} is not a key of the driver {driver}")
        needed = "id" if option.flag == "-fsdev" else "mount_tag"
        if needed not in keys:
            yield Fault(option.place, needed, f"{option.flag} needs {needed}")


def _local(line: Line) -> Iterator[Fault]:
    for option, keys in _shares(line):
        if option.first != "local" or line.is_open:
            continue
        for key, words in (("security_model", _MODELS), ("multidevs", _DEVICES)):
            if key in keys and keys[key] not in words:
                yield Fault(option.place, key, f"{key} is one of {', '.join(words)}, not {keys[key][:64]!r}")
        for key in ("security_model", "path"):
            if key not in keys:
                yield Fault(option.place, key, f"{option.flag} local needs {key}")
        model = keys.get("security_model")
        for key in ("fmode", "dmode"):
            if option.flag == "-fsdev" and key in keys and model in _MODELS and model not in _MAPPED:
                yield Fault(option.place, key, f"{key} is for a security_model that is mapped, not for {model}")


def _limits(line: Line) -> Iterator[Fault]:
    for option, keys in _shares(line):
        for kind in ("bps", "iops") if option.flag == "-fsdev" else ():
            limits = {what: number(keys.get(f"throttling.{kind}-{what}")) for what in ("total", "read", "write")}
            if limits["total"] and (limits["read"] or limits["write"]):
                key = f"throttling.{kind}-total"
                yield Fault(option.place, key, f"{key} goes without limits of reading or writing")


def _tags(line: Line) -> Iterator[Fault]:
    tags = [(option.place, keys.get("mount_tag")) for option, keys in _shares(line) if option.flag == "-virtfs"]
    for place, tag in tags:
        if isinstance(tag, str) and len(tag.encode(errors="replace")) > _LONGEST_TAG:
            yield Fault(place, "mount_tag", f"mount_tag has at most {_LONGEST_TAG} bytes")


_ABOUT = ("-fsdev", "-virtfs")

RULES = (
    Rule(
        "line/share-driver",
        "`-fsdev` and `-virtfs` have a driver, its keys, and an `id` or `mount_tag`",
        "fsdev/qemu-fsdev.c, qemu_fsdev_add; softmmu/vl.c: QEMU_OPTION_virtfs",
        _drivers,
        about=_ABOUT,
        wrong="-display none -machine pc -fsdev synth,id=a,security_model=none",
        right="-display none -machine pc -fsdev synth,id=a",
    ),
    Rule(
        "line/share-local",
        "a local `-fsdev` or `-virtfs` has a path and a `security_model`, each of what there is",
        "hw/9pfs/9p-local.c, local_parse_opts",
        _local,
        about=_ABOUT,
        wrong="-display none -machine pc -fsdev local,id=a,path=/,security_model=some",
        right="-display none -machine pc -fsdev local,id=a,path=/,security_model=none",
    ),
    Rule(
        "line/share-limits",
        "limits of an `-fsdev` go together",
        "fsdev/qemu-fsdev-throttle.c, fsdev_throttle_parse_opts; util/throttle.c, throttle_is_valid",
        _limits,
        about=_ABOUT,
        wrong="-display none -machine pc -fsdev local,id=a,path=/,security_model=none,throttling.bps-total=9,"
        "throttling.bps-read=9",
        right="-display none -machine pc -fsdev local,id=a,path=/,security_model=none,throttling.bps-total=9",
    ),
    Rule(
        "line/share-tag",
        "a `mount_tag` has up to 31 bytes",
        "hw/9pfs/virtio-9p-device.c, virtio_9p_device_realize",
        _tags,
        about=("-virtfs",),
        wrong="-display none -machine pc -virtfs synth,mount_tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        right="-display none -machine pc -virtfs synth,mount_tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ),
)
