"""What the firmware is told: boot devices and times, SMBIOS tables, items of ``-fw_cfg``."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line
from prober.commandline.options import Keyval
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import as_number
from prober.commandline.texts.smbios import wrong_value

#: Letters of boot devices, and those of a PC, of which three fit into its CMOS (``hw/i386/pc.c``, ``set_boot_dev``).
_LETTERS = frozenset("abcdefghijklmnop")
_OF_PC = frozenset("abcdn")
_MOST_OF_PC = 3

_PCS = ("pc", "q35", "isapc")

#: Times in milliseconds, and the least of each (``hw/nvram/fw_cfg.c``, ``fw_cfg_bootsplash`` and ``fw_cfg_reboot``).
_TIMES = {"reboot-timeout": -1, "splash-time": 0}
_LONGEST = 65535

#: Before it such a number has 64 bits without a sign until it is an int64 (seen in 5.2, and not in 7.2).
_SIGNED_SINCE = (7, 1, 0)


def _boot(line: Line) -> tuple[dict[str, str], Keyval | None]:
    """What counts of all ``-boot``, and the last of them."""
    options = line.keyval.get("-boot", [])
    found: dict[str, str] = {}
    for option in options:
        if option.first:
            found["order"] = option.first
        found.update((item.name, str(item.value)) for item in option.pairs)
    return found, options[-1] if options else None


def _orders(line: Line) -> Iterator[Fault]:
    keys, option = _boot(line)
    if option is None or line.is_open:
        return
    for key in ("order", "once"):
        why = wrong_order(keys.get(key, ""), is_pc=line.kind in _PCS)
        if why:
            yield Fault(option.place, key, why)


def wrong_order(text: str, *, is_pc: bool) -> str:
    """Why boot devices cannot be had in an order, or an empty text."""
    known: set[str] = set()
    for letter in text:
        if letter not in _LETTERS:
            return f"boot devices are letters from a to p, not {letter!r} (of {text[:64]!r})"
        if letter in known:
            return f"boot device {letter} is given twice"
        known.add(letter)
    if is_pc and known - _OF_PC:
        return f"boot devices of a PC are a, b, c, d and n, not {min(known - _OF_PC)}"
    if is_pc and len(text) > _MOST_OF_PC:
        return f"a PC has at most {_MOST_OF_PC} boot devices, not {len(text)}"
    return ""


def _times(line: Line) -> Iterator[Fault]:
    keys, option = _boot(line)
    if option is None or line.is_open or line.kind not in (*_PCS, "microvm"):
        return
    for key, least in _TIMES.items():
        number = as_number(keys[key]) if key in keys else None
        if number is None:
            continue
        if line.caps.version.numbers < _SIGNED_SINCE and 2**63 <= number < 2**64:
            number -= 2**64
        if not least <= number <= _LONGEST:
            yield Fault(option.place, key, f"{key} is from {least} to {_LONGEST} milliseconds, not {keys[key][:64]}")


def _tables(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-smbios", ()):
        values = {item.name: item.value for item in option.pairs}
        number = as_number(str(values.get("type", "")))
        if number is None:
            continue
        for key, value in values.items():
            why = wrong_value(number, key, str(value))
            if why:
                yield Fault(option.place, key, f"-smbios {why}")


RULES = (
    Rule(
        "line/boot-order",
        "boot devices are letters, each given once; on a PC three of a, b, c, d and n",
        "softmmu/bootdevice.c, validate_bootdevices; hw/i386/pc.c, set_boot_dev",
        _orders,
        about=("-boot",),
        wrong="-display none -machine pc -boot order=cc",
        right="-display none -machine pc -boot order=cd,once=n",
    ),
    Rule(
        "line/boot-times",
        "times of `-boot` are up to 65535 ms",
        "hw/nvram/fw_cfg.c, fw_cfg_bootsplash and fw_cfg_reboot",
        _times,
        about=tuple(_TIMES),
        wrong="-display none -machine pc -boot reboot-timeout=65536",
        right="-display none -machine pc -boot reboot-timeout=-1,splash-time=65535",
    ),
    Rule(
        "line/smbios-values",
        "values of `-smbios` are of their kind",
        "hw/smbios/smbios.c, smbios_entry_add",
        _tables,
        about=("-smbios",),
        wrong="-display none -machine pc -smbios type=1,uuid=1234",
        right="-display none -machine pc -smbios type=1,uuid=c7a5fdbd-edaf-9455-926a-d65c16db1809",
    ),
)
