"""Members of objects and block nodes that only go together, or of which one has to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.line import Line, number, size, switch
from prober.commandline.options import Object, Qapi, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Objects that need one of each group of members; that one member is needed the schema tells since QEMU 6.0.
_NEEDED = {
    "secret": (("data", "file"),),
    "memory-backend-ram": (("size",),),
    "memory-backend-file": (("size",), ("mem-path",)),
    "memory-backend-memfd": (("size",),),
    "rng-egd": (("chardev",),),
    "authz-simple": (("identity",),),
    "can-host-socketcan": (("if",), ("canbus",)),
    "colo-compare": (("primary_in",), ("secondary_in",), ("outdev",), ("iothread",)),
    "cryptodev-vhost-user": (("chardev",),),
    "dbus-vmstate": (("addr",),),
    "filter-buffer": (("netdev",), ("interval",)),
    "filter-dump": (("netdev",), ("file",)),
    "filter-mirror": (("netdev",), ("outdev",)),
    "filter-redirector": (("netdev",), ("indev", "outdev")),
    "filter-replay": (("netdev",),),
    "filter-rewriter": (("netdev",),),
    "input-barrier": (("name",),),
    "input-linux": (("evdev",),),
    "pr-manager-helper": (("path",),),
    "secret_keyring": (("serial",),),
}


def _needed(line: Line) -> Iterator[Fault]:
    for option in line.objects:
        for group in _NEEDED.get(option.qom_type, ()):
            is_told = len(group) == 1 and line.caps.version.numbers >= (6, 0, 0)
            if not is_told and all(item.name not in group for item in option.properties):
                yield Fault(option.place, group[0], f"{option.qom_type} needs {' or '.join(group)}")


def _nodes(line: Line) -> Iterator[Qapi]:
    return iter(line.qapi.get("-blockdev", ()))


def _zeroes(line: Line) -> Iterator[Fault]:
    for option in _nodes(line):
        if option.value.get("detect-zeroes") == "unmap" and str(option.value.get("discard", "ignore")) in (
            "ignore",
            "off",
        ):
            yield Fault(option.place, "discard", "detect-zeroes=unmap needs discard=unmap")


def _raw_size(line: Line) -> Iterator[Fault]:
    for option in _nodes(line):
        if option.value.get("driver") == "raw":
            length = size(option.value.get("size"))
            if length is not None and length % 512:
                yield Fault(option.place, "size", f"the size of a raw node is a multiple of 512, not {length}")


def _copy_on_read(line: Line) -> Iterator[Fault]:
    """A node that copies what it reads, over one that is read-only, whatever it says of itself: it asks to write
    (``WRITE_UNCHANGED``) unless another QEMU has the guest."""
    if "-incoming" in line.plain:
        return
    nodes = {str(option.value.get("node-name")): option.value for option in _nodes(line)}
    for option in _nodes(line):
        below = option.value.get("file")
        if option.value.get("driver") != "copy-on-read":
            continue
        if isinstance(below, Mapping):
            # What is described inside of it is as it is itself, unless it says otherwise.
            is_fixed = switch(below.get("read-only", option.value.get("read-only")))
            name = str(below.get("node-name", "its file"))
        else:
            name = str(below)
            is_fixed = switch(nodes[name].get("read-only")) if name in nodes else None
        if is_fixed is True:
            message = f"copy-on-read writes to {name}, which is read-only"
            yield Fault(option.place, "file", message, "leave copy-on-read out, or let the node below be written to")


#: ``include/qemu/throttle.h``, ``THROTTLE_VALUE_MAX``.
_MOST_RATE = 10**15

_RATES = ("bps-total", "bps-read", "bps-write", "iops-total", "iops-read", "iops-write")


def _throttling(line: Line) -> Iterator[Fault]:
    for option in line.objects:
        if option.qom_type == "throttle-group":
            limits = _limits(option)
            if limits is not None:
                for part, message in invalid_limits(limits):
                    yield Fault(option.place, f"limits.{part}", message)


def _limits(option: Object) -> dict[str, int] | None:
    """The limits of a group by QMP's names, or None where one is not known."""
    limits: dict[str, int] = {}
    for name, value, _ in option.properties:
        inner: Mapping[str, Value] = {name.removeprefix("x-").removeprefix("limits."): value}
        if name == "limits":
            if not isinstance(value, dict):
                return None
            inner = value
        for key, text in inner.items():
            rate = number(text)
            if rate is None:
                return None
            limits[key] = rate
    return limits


def invalid_limits(limits: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """What is wrong with limits, as ``throttle_is_valid`` finds it."""
    for kind in ("bps", "iops"):
        for end in ("", "-max"):
            if limits.get(f"{kind}-total{end}") and (
                limits.get(f"{kind}-read{end}") or limits.get(f"{kind}-write{end}")
            ):
                yield f"{kind}-total{end}", f"{kind}-total{end} cannot be with {kind}-read{end} or {kind}-write{end}"
    if limits.get("iops-size") and not any(limits.get(f"iops-{way}") for way in ("total", "read", "write")):
        yield "iops-size", "iops-size needs one of iops-total, iops-read, iops-write"
    for rate in _RATES:
        for name in (rate, f"{rate}-max"):
            if not 0 <= limits.get(name, 0) <= _MOST_RATE:
                yield name, f"{name} is from 0 to {_MOST_RATE}, not {limits[name]}"
        yield from _invalid_burst(rate, limits)


def _invalid_burst(rate: str, limits: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """How long a rate may be exceeded, and how far."""
    average, most = limits.get(rate, 0), limits.get(f"{rate}-max", 0)
    length = limits.get(f"{rate}-max-length", 1)
    if length == 0:
        yield f"{rate}-max-length", f"{rate}-max-length cannot be 0"
    elif length > 1 and not most:
        yield f"{rate}-max-length", f"{rate}-max-length needs {rate}-max"
    elif 0 < most <= _MOST_RATE and length > _MOST_RATE // most:
        yield f"{rate}-max-length", f"{rate}-max-length is at most {_MOST_RATE // most} with this {rate}-max"
    if most and not average:
        yield f"{rate}-max", f"{rate}-max needs {rate}"
    elif 0 < most < average:
        yield f"{rate}-max", f"{rate}-max is lower than {rate}: {most} against {average}"


RULES = (
    Rule(
        "line/object-complete",
        "objects have what they cannot be without",
        "backends/hostmem*.c, crypto/secret*.c, backends/rng-egd.c, net/filter*.c, authz/simple.c and their like",
        _needed,
        about=tuple(_NEEDED),
        wrong="-display none -object secret,id=s",
        right="-display none -object secret,id=s,data=abc",
    ),
    Rule(
        "line/detect-zeroes",
        "`detect-zeroes=unmap` goes with `discard=unmap`",
        "block.c, bdrv_parse_detect_zeroes",
        _zeroes,
        about=("detect-zeroes",),
        wrong="-display none -blockdev null-co,node-name=n,detect-zeroes=unmap",
        right="-display none -blockdev null-co,node-name=n,detect-zeroes=unmap,discard=unmap",
    ),
    Rule(
        "line/raw-size",
        "the size of a raw node is whole sectors",
        "block/raw-format.c, raw_apply_options",
        _raw_size,
        about=("raw",),
        wrong="-display none -blockdev raw,node-name=n,size=321,file.driver=null-co",
        right="-display none -blockdev raw,node-name=n,size=512,file.driver=null-co",
    ),
    Rule(
        "line/copy-on-read",
        "`copy-on-read` stands on a node that can be written to, read-only itself or not",
        "block/copy-on-read.c, cor_child_perm",
        _copy_on_read,
        about=("copy-on-read",),
        wrong=("-display none -blockdev null-co,node-name=n,read-only=on -blockdev copy-on-read,node-name=c,file=n"),
        right="-display none -blockdev null-co,node-name=n -blockdev copy-on-read,node-name=c,file=n",
    ),
    Rule(
        "line/throttle-limits",
        "limits of a throttle group go together",
        "util/throttle.c, throttle_is_valid",
        _throttling,
        about=("throttle-group",),
        wrong="-display none -object throttle-group,id=t,x-iops-total=9,x-iops-read=9",
        right="-display none -object throttle-group,id=t,x-iops-total=9",
    ),
)
