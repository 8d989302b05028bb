"""The domains that are asked about, as both sides get them: for the QEMU of the root, and with plain cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import etree

from tools.roots import BINARY

#: What of a card stays: its kind, who it is, and its turn in booting.
_KEPT = ("mac", "model")


def find_domains(places: Iterable[Path]) -> Iterator[Path]:
    """The files, and of directories those named ``*.xml``, by name."""
    for place in places:
        yield from sorted(place.glob("*.xml")) if place.is_dir() else [place]


def as_asked(xml: str) -> str:
    """A domain as it is asked about.

    Without an ``<emulator>`` libvirt looks for one by the architecture, which is ``qemu-system-i386`` for i686.

    ``domxml-to-native`` makes each ``<interface>`` one of type ``ethernet`` that has its model and MAC address and
    nothing else (libvirt 12.8 and 9.0, asked), as it has no network to put it on.  So that the rest can be compared,
    prober gets it in this form, too.  What is no XML stays as it is, for both to refuse.
    """
    try:
        domain = etree.fromstring(xml.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return xml
    devices = domain.find("devices")
    if domain.tag != "domain" or devices is None:
        return xml
    emulator = devices.find("emulator")
    if emulator is None:
        emulator = etree.SubElement(devices, "emulator")
    emulator.text = BINARY
    for card in devices.findall("interface"):
        card.set("type", "ethernet")
        for child in card:
            if child.tag not in _KEPT:
                card.remove(child)
    return str(etree.tostring(domain, encoding="unicode"))
