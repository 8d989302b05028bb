"""What ``-smbios`` takes by the type of table (``hw/smbios/smbios.c``, ``smbios_entry_add``, 5.2 to 11.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from prober.commandline.text import as_number, as_switch, is_uuid

_Version = tuple[int, int, int]

#: Keys by type, beside ``type``.
_KEYS: Mapping[int, str] = MappingProxyType(
    {
        0: "vendor version date release uefi vm",
        1: "manufacturer product version serial uuid sku family",
        2: "manufacturer product version serial asset location",
        3: "manufacturer version serial asset sku",
        4: "sock_pfx manufacturer version max-speed current-speed serial asset part processor-family processor-id",
        8: "internal_reference external_reference connector_type port_type",
        9: "slot_designation slot_type slot_data_bus_width current_usage slot_length slot_id slot_characteristics1 "
        "slot_characteristics2 pci_device",
        11: "value path",
        17: "loc_pfx bank manufacturer serial asset part speed",
        41: "designation kind instance pcidev",
    }
)

#: Types and keys that came: not before this version.  Each was not there in the last of 5.2, 7.2 and 10.0 before it.
_SINCE: Mapping[int | tuple[int, str], _Version] = MappingProxyType(
    {
        8: (6, 0, 0),
        9: (8, 0, 0),
        41: (6, 0, 0),
        (0, "vm"): (10, 1, 0),
        (4, "processor-id"): (6, 0, 0),
        (4, "processor-family"): (8, 0, 0),
    }
)

#: What comes after the last version that was looked at may have more types.
_LAST: _Version = (11, 2, 0)

_NUMBERS = frozenset(
    {
        "connector_type", "current-speed", "current_usage", "instance", "max-speed", "port_type", "processor-family",
        "processor-id", "slot_characteristics1", "slot_characteristics2", "slot_data_bus_width", "slot_id",
        "slot_length", "slot_type", "speed",
    }
)  # fmt: skip
_SWITCHES = frozenset({"uefi", "vm"})
_SPEEDS = frozenset({"current-speed", "max-speed"})
_FASTEST = 65535

#: Kinds of devices on board (``type41_kinds``).
_KINDS = ("other", "unknown", "video", "scsi", "ethernet", "tokenring", "sound", "pata", "sata", "sas")

_RELEASE = re.compile(r"\s*[+-]?[0-9]+\.\s*[+-]?[0-9]+")


def keys_of(number: int, version: _Version) -> frozenset[str] | None:
    """The keys of a type of table; empty where there is no such type, None where that is not known."""
    if number not in _KEYS or version < _SINCE.get(number, (0, 0, 0)):
        return None if version >= _LAST else frozenset()
    keys = [key for key in _KEYS[number].split() if version >= _SINCE.get((number, key), (0, 0, 0))]
    return frozenset({"type", *keys})


def wrong_value(number: int, key: str, value: str) -> str:
    """What is wrong with a value of a type of table, or an empty text."""
    if key in _SWITCHES:
        return "" if as_switch(value) is not None else f"{key} is on or off, not {value[:64]!r}"
    if key in _NUMBERS:
        found = as_number(value)
        if found is None or not -(2**63) <= found < 2**64:
            return f"{key} is a number, not {value[:64]!r}"
        return f"{key} is at most {_FASTEST}, not {value[:64]}" if key in _SPEEDS and found % 2**64 > _FASTEST else ""
    if (number, key) == (0, "release"):
        return "" if _RELEASE.match(value) else f"release is like 1.2, not {value[:64]!r}"
    if (number, key) == (1, "uuid"):
        return "" if is_uuid(value) else f"uuid is like c7a5fdbd-edaf-9455-926a-d65c16db1809, not {value[:64]!r}"
    if (number, key) == (41, "kind") and value not in _KINDS:
        return f"kind is one of {', '.join(_KINDS)}, not {value[:64]!r}"
    return ""
