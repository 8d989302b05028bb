"""What is known of a type of device, worked out once for each type of a binary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prober.capabilities import Capabilities
from prober.commandline.bus_types import COMPLETE, MAKES, OTHERS_OF_PCI, SITS_ON, Makes
from prober.commandline.kept import KeptPerBinary

#: The buses of a device of which nothing is known: no more than ahci has, and of any type.
_ANYTHING = Makes("", 8)
NO_BUSES = Makes("", 0)

#: What has a PCI bus of its own id.
_BRIDGES = frozenset({"base-pci-bridge", "pci-bridge", "pcie-port"})

#: Properties of devices that name something else, by what they name.  ``drive`` may be a node or a ``-drive``.
DEVICE_REFERENCES = {
    "drive": "block",
    "netdev": "netdev",
    "chardev": "chardev",
    "audiodev": "audiodev",
    "tpmdev": "tpmdev",
    "fsdev": "fsdev",
    "memdev": "object",
    "iothread": "object",
    "rng": "object",
    "cryptodev": "object",
    "canbus": "object",
}


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A type of device.

    ``lineage`` is the type and those that it is derived from, as far as that was told; ``sits_on`` the type of bus
    that it sits on (empty where that is not known), ``makes`` the buses that it makes.  ``is_bridge`` is whether a
    device may have a PCI bus of its own id.  ``is_pci`` is whether it is a PCI device whose properties are known,
    ``may_be_pci`` whether it may be one besides.  ``refers`` has the properties of it that name something else, by what
    they name.
    """

    name: str
    lineage: frozenset[str]
    sits_on: str
    makes: Makes
    is_bridge: bool
    is_pci: bool
    may_be_pci: bool
    refers: Mapping[str, str]


#: By their names.
_KNOWN: KeptPerBinary[dict[str, DeviceType]] = KeptPerBinary(dict)


def known_types(caps: Capabilities) -> Mapping[str, DeviceType]:
    """The types of a binary that were asked for already, by their names."""
    return _KNOWN.of(caps)


def device_type(name: str, caps: Capabilities) -> DeviceType:
    """What is known of a type, kept if the binary has it: anybody may make up others."""
    kept = _KNOWN.of(caps)
    known = kept.get(name)
    if known is None:
        known = _work_out(name, caps)
        if name in (caps.types or ()):
            kept[name] = known
    return known


def _work_out(name: str, caps: Capabilities) -> DeviceType:
    lineage = frozenset((name, *caps.ancestors(name)))
    return DeviceType(
        name=name,
        lineage=lineage,
        sits_on=next((SITS_ON[base] for base in lineage if base in SITS_ON), ""),
        makes=_makes(lineage),
        # Bridges, ports and expanders, and what is not known.
        is_bridge=name.startswith("pxb") or bool(lineage & _BRIDGES) or "device" not in lineage,
        is_pci=caps.property_of(name, "multifunction") is not None,
        may_be_pci="pci-device" in lineage or name not in (caps.types or ()),
        refers={part: what for part, what in DEVICE_REFERENCES.items() if caps.property_of(name, part) is not None},
    )


def _makes(lineage: frozenset[str]) -> Makes:
    for name, makes in MAKES.items():
        if name in lineage:
            return makes
    known = lineage & COMPLETE or ("pci-device" in lineage and not lineage & OTHERS_OF_PCI)
    return NO_BUSES if known else _ANYTHING
