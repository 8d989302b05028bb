"""What options with keys take, where ``query-command-line-options`` lists no keys, or only calls a value a text.

These are the words that QEMU compares by hand, and the keys that it asks for by hand; each with its place in QEMU's
source.  All hold from 5.2 to 11.1: what came in between is among the known, so that nothing is refused that a version
may take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from prober.capabilities import Evidence, Verdict
from prober.capabilities.facts import did_you_mean
from prober.commandline.drivers import OVER_FILES
from prober.commandline.grounds import Grounds, wrong
from prober.commandline.options import Keyval, Property, Value
from prober.commandline.refusal import Finding, Kind
from prober.commandline.text import Item, Items, Text, as_number
from prober.commandline.texts.smbios import keys_of

_ALLOW = ("allow", "deny")

#: Words that are compared (``blockdev.c``, ``monitor/monitor.c``, ``softmmu/rtc.c``, ``softmmu/qemu-seccomp.c``,
#: ``ui/spice-core.c``).
_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("-drive", "if"): ("none", "ide", "scsi", "floppy", "pflash", "mtd", "sd", "virtio", "xen"),
        ("-drive", "media"): ("disk", "cdrom"),
        ("-drive", "cache"): ("none", "off", "writeback", "writethrough", "unsafe", "directsync"),
        ("-drive", "discard"): ("ignore", "off", "unmap", "on"),
        ("-drive", "readonly"): ("on", "off", "yes", "no", "true", "false", "y", "n"),
        ("-drive", "detect-zeroes"): ("off", "on", "unmap"),
        ("-drive", "aio"): ("threads", "native", "io_uring"),
        ("-drive", "werror"): ("ignore", "enospc", "stop", "report"),
        ("-drive", "rerror"): ("ignore", "stop", "report"),
        ("-spice", "image-compression"): ("off", "auto_glz", "auto_lz", "quic", "glz", "lz"),
        ("-spice", "jpeg-wan-compression"): ("auto", "never", "always"),
        ("-spice", "zlib-glz-wan-compression"): ("auto", "never", "always"),
        ("-spice", "streaming-video"): ("off", "all", "filter"),
        ("-mon", "mode"): ("readline", "control"),
        ("-rtc", "driftfix"): ("none", "slew"),
        ("-rtc", "clock"): ("host", "rt", "vm"),
        ("-sandbox", "obsolete"): _ALLOW,
        ("-sandbox", "elevateprivileges"): (*_ALLOW, "children"),
        ("-sandbox", "spawn"): _ALLOW,
        ("-sandbox", "resourcecontrol"): _ALLOW,
    }
)

#: Keys that name a block driver.
_BLOCK_DRIVERS = frozenset({("-drive", "format"), ("-drive", "driver")})

#: ``-rtc base``: a time (``softmmu/rtc.c``, ``rtc_parse_date``; ``sscanf`` reads any number of digits).
_RTC_BASE = re.compile(r"utc|localtime|\s*[+-]?\d+-[+-]?\s*\d+-\s*[+-]?\d+.*", re.DOTALL)

#: Keys of ``-acpitable`` (``qapi/acpi.json``, ``AcpiTableOptions``), which no command takes.
_ACPITABLE = frozenset(
    {"sig", "rev", "oem_id", "oem_table_id", "oem_rev", "asl_compiler_id", "asl_compiler_rev", "file", "data"}
)

#: Keys of which at least one has to be there (``chardev/char-*.c``, ``hw/acpi/core.c``, ``util/fw_cfg``).
_NEEDED: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        ("-chardev", "file"): (("path",),),
        ("-chardev", "pipe"): (("path",),),
        ("-chardev", "serial"): (("path",),),
        ("-chardev", "parallel"): (("path",),),
        ("-chardev", "tty"): (("path",),),
        ("-chardev", "parport"): (("path",),),
        ("-chardev", "udp"): (("port",),),
        ("-chardev", "mux"): (("chardev",),),
        ("-chardev", "hub"): (("chardevs.0",),),
        ("-chardev", "spicevmc"): (("name",),),
        ("-chardev", "spiceport"): (("name",),),
        ("-chardev", "dbus"): (("name",),),
        ("-acpitable", ""): (("file", "data"),),
        ("-tpmdev", "passthrough"): (("id",),),
        ("-tpmdev", "emulator"): (("id",), ("chardev",)),
        ("-smbios", ""): (("type", "file"),),
        ("-fw_cfg", ""): (("name",), ("file", "string", "gen_id")),
        ("-mon", ""): (("chardev",),),
    }
)

#: Keys of ``-tpmdev`` by its type (``backends/tpm/tpm_passthrough.c``, ``tpm_emulator.c``), and which of them it needs.
_TPM: Mapping[str, frozenset[str]] = MappingProxyType(
    {"passthrough": frozenset({"id", "path", "cancel-path"}), "emulator": frozenset({"id", "chardev"})}
)

#: Options that take what a QMP command takes, besides those whose value is a tree.
_COMMANDS: Mapping[str, str] = MappingProxyType({"-numa": "set-numa-node", "-action": "set-action"})

#: The key that a first word stands for, where it is checked like any other.
IMPLIED: Mapping[str, str] = MappingProxyType(
    {"-smp": "cpus", "-m": "size", "-sandbox": "enable", "-fw_cfg": "name", "-mon": "chardev", "-numa": "type"}
)


#: What names the node that a format or filter lies over.
_BELOW = frozenset({"file", "image", "raw", "children"})


def pairs_of(option: Keyval) -> tuple[Property, ...]:
    """All pairs, with the one that the first word stands for."""
    name = IMPLIED.get(option.flag)
    if name is None or not option.first:
        return option.pairs
    return Property(name, Text(option.first), option.place), *option.pairs


def check_keys(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """The findings about keys and values that QEMU looks at by hand."""
    if option.flag in _COMMANDS:
        yield from _as_command(option, grounds)
        return
    pairs = pairs_of(option)
    names = {item.name for item in pairs}
    yield from _needed(option, names)
    for item in pairs:
        yield from _word(option, item, grounds)
    if option.flag in _KEYS:
        yield from _KEYS[option.flag](option, names, grounds)


def _needed(option: Keyval, names: set[str]) -> Iterator[Finding]:
    first = option.first if option.flag in ("-chardev", "-tpmdev") else ""
    for some in _NEEDED.get((option.flag, first), ()):
        if not names & set(some):
            message = f"{' '.join(filter(None, (option.flag, first)))} needs {' or '.join(some)}"
            yield wrong(option, message, part=some[0], rule="option/missing")
    format_alone = next((str(item.value) for item in option.pairs if item.name == "format"), "")
    below = {"driver"} | {name for name in names if name.partition(".")[0] in _BELOW}
    if option.flag == "-drive" and format_alone in OVER_FILES and not names & below:
        yield wrong(option, "-drive with a format needs a file", part="file", rule="option/missing")
    if option.flag == "-m" and "slots" in names and "maxmem" not in names:
        yield wrong(option, "-m with slots needs maxmem", part="slots", rule="option/missing")


def _word(option: Keyval, item: Property, grounds: Grounds) -> Iterator[Finding]:
    """A value that is one of a few words, or is read by hand."""
    key, value = (option.flag, item.name), str(item.value)
    words = _WORDS.get(key)
    if words is not None and value not in words:
        hint = did_you_mean(grounds.nearest(value[:64], words))
        message = f"{option.flag} {item.name} is one of {', '.join(words)}, not {value!r}"
        yield wrong(option, message, part=item.name, hint=hint, rule="option/value")
    elif key in _BLOCK_DRIVERS:
        yield from _block_driver(option, item, grounds)
    elif key == ("-rtc", "base") and not _RTC_BASE.fullmatch(value):
        message = f"-rtc base is utc, localtime or a time like 2006-06-17T16:01:21, not {value!r}"
        yield wrong(option, message, part="base", rule="option/value")
    elif key == ("-smbios", "type") and as_number(value) not in range(256):
        message = f"-smbios type is a number up to 255, not {item.value!r}"
        yield wrong(option, message, part="type", rule="option/value")


def _block_driver(option: Keyval, item: Property, grounds: Grounds) -> Iterator[Finding]:
    schema = grounds.caps.schema_
    if schema is None or schema.command("blockdev-add") is None:
        return
    outcome, found = schema.find_member("blockdev-add", ["driver"])
    known = schema.enum_values(str(found["name"])) if outcome == "found" and isinstance(found, dict) else ()
    if known and str(item.value) not in known:
        hint = did_you_mean(grounds.nearest(str(item.value)[:64], known))
        message = f"QEMU {grounds.caps.version} has no block driver {item.value!r}"
        yield wrong(option, message, part=item.name, hint=hint, rule="option/value")


def _acpitable_keys(option: Keyval, names: set[str], grounds: Grounds) -> Iterator[Finding]:
    return _of_these(option, _ACPITABLE, grounds)


def _tpmdev_keys(option: Keyval, names: set[str], grounds: Grounds) -> Iterator[Finding]:
    known = _TPM.get(option.first)
    if known is not None:
        return _of_these(option, known, grounds)
    # A type that is not one of those whose keys are known.
    return grounds.misfits(option, "query-tpm-types", "ret-type", [Text(option.first)], part="type")


def _smbios_keys(option: Keyval, names: set[str], grounds: Grounds) -> Iterator[Finding]:
    if "file" in names:
        yield from _of_these(option, frozenset({"file"}), grounds)
        return
    number = next((as_number(str(item.value)) for item in option.pairs if item.name == "type"), None)
    known = keys_of(number, grounds.caps.version.numbers) if number is not None else frozenset()
    if known:
        yield from _of_these(option, known, grounds)
    elif known is None:
        note = "which keys this type of table has is in no answer, and was not looked at"
        yield from grounds.unknown("-smbios", note, option.place, part="type", rule="option/untold")
    elif number in range(256):
        message = f"QEMU {grounds.caps.version} makes no SMBIOS table of type {number}"
        yield wrong(option, message, part="type", rule="option/value")


#: Options whose keys are known here, or are not known at all.
_KEYS: Mapping[str, Callable[[Keyval, set[str], Grounds], Iterator[Finding]]] = MappingProxyType(
    {"-acpitable": _acpitable_keys, "-tpmdev": _tpmdev_keys, "-smbios": _smbios_keys}
)


def _of_these(option: Keyval, known: frozenset[str], grounds: Grounds) -> Iterator[Finding]:
    """The keys that are none of those that are known."""
    for item in pairs_of(option):
        if item.name in known:
            continue
        words = sorted(known)
        fact = f"{option.flag}.{item.name[:64]}"
        near = grounds.nearest(item.name[:64], words)
        note = f"{option.flag} takes {', '.join(words)}"
        yield Finding(
            kind=Kind.error,
            place=item.place,
            part=item.name,
            message=f"QEMU {grounds.caps.version} has no {option.flag} {item.name}",
            qemu_name=fact,
            evidence=Evidence(fact=fact, verdict=Verdict.absent, note=note, suggestions=tuple(near)),
            hint=did_you_mean(near),
            rule="option/key",
        )


def _as_command(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """``-numa`` takes what ``set-numa-node`` takes, and ``-action`` what ``set-action`` does."""
    value: dict[str, Value] = {}
    for item in pairs_of(option):
        # A key that is given again is one more item of a list (``qapi/opts-visitor.c``).
        for one in item.value if isinstance(item.value, list) else [item.value]:
            here, before = Item(one) if isinstance(one, Text) else one, value.get(item.name)
            value[item.name] = here if before is None else Items((*_items(before), here))
    return grounds.misfits(option, _COMMANDS[option.flag], "arg-type", value)


def _items(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]
