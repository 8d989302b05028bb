"""Whether a value that was given is the one that a live QEMU tells, however each of them writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

from prober.commandline.text import as_number, as_size, as_switch

#: A PCI slot with its function, as it is given (``0x6.0x1``, ``6``), and as it is told (``06.1``).
_SLOT = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,2})(?:\.(?:0[xX])?([0-7]))?")

#: Enums with a second name for what they tell (QEMU, ``qapi/common.json``; ``hw/core/qdev-properties.c``).
_SAME_WORDS: Mapping[str, str] = {"on": "true", "off": "false", "yes": "true", "no": "false"}


def is_same(name: str, given: JsonValue, got: JsonValue) -> bool:
    """Whether a property of this name has what was given.

    Numbers are compared by value (``64K`` is 65536, ``0xff`` is 255, and a negative one is what an unsigned property
    makes of it), switches by what they mean, addresses of PCI, MAC addresses and ids by what they name.
    """
    if given == "auto":
        return True  # whatever QEMU chose
    if isinstance(given, dict):
        return isinstance(got, dict) and all(is_same(key, value, got.get(key)) for key, value in given.items())
    if isinstance(given, list):
        return isinstance(got, list) and len(got) == len(given) and all(map(is_same, [name] * len(got), given, got))
    if name == "addr":
        return slot_of(given) == slot_of(got)
    if isinstance(got, bool):
        return _switch(given) is got
    if isinstance(got, int):
        return _is_number(given, got)
    if isinstance(got, str):
        return _is_text(given, got)
    if isinstance(got, list) and len(got) == 1:
        return is_same(name, given, got[0])
    return given is None and got is None


def _switch(value: JsonValue) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {0: False, 1: True}.get(value)
    return as_switch(value) if isinstance(value, str) else None


def _is_number(given: JsonValue, got: int) -> bool:
    if isinstance(given, bool):
        return int(given) == got
    numbers = [given] if isinstance(given, int) else []
    if isinstance(given, str):
        numbers = [number for number in (as_number(given), as_size(given)) if number is not None]
        if as_switch(given) is not None:
            numbers.append(int(bool(as_switch(given))))
    return any(number == got or ((number - got) % 2**32 == 0 and min(number, got) < 0) for number in numbers)


def _is_text(given: JsonValue, got: str) -> bool:
    if isinstance(given, bool):
        return as_switch(got) is given
    text = str(given)
    if text.lower() == got.lower():
        return True
    # A link is told as a path: /objects/mem0, /machine/peripheral/rp0/rp0.
    if got.startswith("/") and got.rpartition("/")[2] == text:
        return True
    if _SAME_WORDS.get(text, text) == _SAME_WORDS.get(got, got):
        return True
    if text.replace("-", ":").lower() == got.replace("-", ":").lower():
        return True
    number = as_number(text)
    return number is not None and number == as_number(got)


def slot_of(value: JsonValue) -> tuple[int, int] | None:
    """The slot and the function of a PCI address; a number holds both (``PCI_DEVFN``)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value >> 3, value & 7
    found = _SLOT.fullmatch(value.strip()) if isinstance(value, str) else None
    return (int(found[1], 16), int(found[2] or 0)) if found else None
