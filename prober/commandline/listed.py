"""Options with keys, held against ``query-command-line-options``: which keys there are, and of which type each is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from prober.capabilities import Evidence, Verdict
from prober.capabilities.models import OptionKey
from prober.commandline.drive_members import is_own_name, schema_path
from prober.commandline.drivers import check_drivers
from prober.commandline.grounds import Grounds
from prober.commandline.keys import pairs_of
from prober.commandline.options import Keyval, Property
from prober.commandline.refusal import Finding, Kind
from prober.commandline.text import Text, as_number, as_size, as_switch

#: Keys that every option of ``QemuOpts`` takes, and none lists (QEMU, ``util/qemu-option.c``).
_EVERYWHERE = frozenset({"id"})

#: Keys that an option takes besides those it lists: numbered ones of lists.
_NUMBERED = {"-spice": ("tls-channel", "plaintext-channel")}


def check_listed(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """The option is there, and has the keys; their values are of the keys' types."""
    if option.flag == "-chardev":
        yield from _chardev(option, grounds)
    if option.flag == "-drive":
        yield from check_drivers(option, grounds)
    group = f"-{option.group or option.flag[1:]}"
    evidence = grounds.supports(group)
    yield from grounds.require(evidence, option.place, rule="option/flag")
    keys = {key.name: key for key in (grounds.caps.options or {}).get(group[1:], ())}
    if not evidence.is_present or not keys:
        return  # an option that lists no keys takes any, and reads them elsewhere
    for item in pairs_of(option):
        if item.name in _EVERYWHERE or item.name in _NUMBERED.get(option.flag, ()):
            continue
        if item.name in keys:
            yield from _key_value(option, item, keys[item.name], grounds)
        else:
            evidence = grounds.supports(f"{group}.{item.name}")
            if not evidence.is_present and option.flag == "-drive":
                evidence = _drive_key(item.name, evidence, grounds)
            yield from grounds.require(evidence, item.place, part=item.name, rule="option/key")


def _chardev(option: Keyval, grounds: Grounds) -> Iterator[Finding]:
    """The backend of a ``-chardev``, and that it has an id."""
    caps = grounds.caps
    if caps.schema_text is not None:
        is_gone = option.first in _GONE_BACKENDS and caps.version.numbers >= _GONE_SINCE
        backend = option.first if is_gone else _BACKENDS.get(option.first, option.first)
        evidence = grounds.supports(f"chardev-add.backend.type.{backend}")
        yield from grounds.require(evidence, option.place, part="backend", rule="option/type")
        if evidence.is_present:
            yield from grounds.backend("chardev", backend, option.place, part="backend")
    if not any(item.name == "id" for item in option.pairs):
        message = "-chardev needs an id"
        yield Finding(kind=Kind.error, place=option.place, part="id", message=message, rule="option/missing")


#: Keys of ``-drive`` that QEMU translates before it looks at its list (``blockdev.c``, ``drive_new``, ``opt_renames``).
_DRIVE_LEGACY = frozenset({
    "bps", "bps_max", "bps_rd", "bps_rd_max", "bps_wr", "bps_wr_max", "cache", "group", "iops", "iops_max", "iops_rd",
    "iops_rd_max", "iops_size", "iops_wr", "iops_wr_max", "readonly",
})  # fmt: skip


def _drive_key(key: str, listed: Evidence, grounds: Grounds) -> Evidence:
    """A key that ``-drive`` does not list is one of the old names, or the block driver's."""
    schema = grounds.caps.schema_
    if key in _DRIVE_LEGACY:
        return Evidence(fact=listed.fact, verdict=Verdict.present, note=f"-drive translates {key}")
    if schema is None or schema.command("blockdev-add") is None:
        note = "what -drive takes besides is the block driver's, and this QEMU has no schema of them"
        return Evidence(fact=listed.fact, verdict=Verdict.unknown, note=note)
    if is_own_name(key):
        return Evidence(fact=listed.fact, verdict=Verdict.present, note=f"a block driver takes {key} with -drive alone")
    path = schema_path(key)
    if schema.find_member("blockdev-add", path)[0] != "found":
        return listed
    if path == key.split("."):
        return grounds.supports(f"blockdev-add.{key}")
    return Evidence(fact=listed.fact, verdict=Verdict.present, note=f"blockdev-add has what {key} names")


#: Names that ``-chardev`` takes for a backend, and the schema does not (QEMU, ``chardev/char.c``), and those of them
#: that are gone from 8.0 on (QEMU, ``docs/about/removed-features.rst``; seen to be there in 7.2, and not in 10.0).
_BACKENDS: Mapping[str, str] = {"tty": "serial", "parport": "parallel", "memory": "ringbuf"}
_GONE_BACKENDS, _GONE_SINCE = frozenset({"tty", "parport"}), (8, 0, 0)


#: What a value is, by what ``query-command-line-options`` calls it.
_KEY_WORDS: Mapping[str, str] = {"boolean": "on or off", "number": "a number", "size": "a size like 512M"}


def _key_value(option: Keyval, item: Property, key: OptionKey, grounds: Grounds) -> Iterator[Finding]:
    """A value against the type of its key: string, boolean, number or size."""
    if isinstance(item.value, Text) and not _fits(option.flag, item, key.type, grounds):
        words = _KEY_WORDS.get(key.type, "on, off or on-fault")
        yield Finding(
            kind=Kind.error,
            place=item.place,
            part=item.name,
            message=f"{option.flag} {item.name} is {words}, not {str(item.value)!r}",
            qemu_name=f"{option.flag}.{item.name}",
            rule="option/value",
        )


def _fits(flag: str, item: Property, kind: str, grounds: Grounds) -> bool:
    text = str(item.value)
    match kind:
        case "boolean":
            return as_switch(text, short=grounds.caps.version.numbers >= (5, 2, 0)) is not None
        case "number":
            # A negative number is one modulo 2⁶⁴ to QEMU, as ``-boot reboot-timeout=-1``.
            number = as_number(text)
            return number is not None and -(2**63) <= number < 2**64
        case "size":
            return _is_size(text, (flag, item.name) == ("-m", "size"), grounds.caps.version.numbers)
    # A switch until QEMU 9.2, of three words from 10.0 on (``system/vl.c``).
    return (flag, item.name) != ("-overcommit", "mem-lock") or text in ("on", "off", "on-fault")


#: A size with an exponent, as the last of the versions that read it did (QEMU 5.2, ``util/cutils.c``, ``do_strtosz``).
_WITH_EXPONENT = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?[eE][+-]?[0-9]{1,2}[bBkKmMgGtTpPeE]?")


def _is_size(text: str, is_in_mib: bool, version: tuple[int, int, int]) -> bool:
    """A size; since 8.0 a hexadecimal one has no unit (``docs/about/removed-features.rst``), and QEMU adds one to what
    is in MiB, the size of ``-m``."""
    if version < (6, 0, 0) and _WITH_EXPONENT.fullmatch(text):
        return True
    has_unit = is_in_mib or text[-1:].lower() in ("k", "m", "g", "t", "p")
    if version >= (8, 0, 0) and has_unit and text.lstrip()[:2].lower() == "0x":
        return False
    size = as_size(text)
    return size is not None and size < 2**64
