"""What ``<sev>``, ``<sgx>`` and ``<gic>`` hold besides, from what QEMU said of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prober.capabilities.capabilities import Capabilities
from prober.export.xml import WrittenElement, element, enum_element, text_element

_KIB = 1024


def sev_parts(caps: Capabilities) -> Iterator[WrittenElement]:
    """The id of the first CPU (QEMU 7.1).

    libvirt's schema has the rest only together with how many guests there may be, which only the host's CPUID tells.
    """
    if isinstance(caps.sev, dict) and isinstance(ident := caps.sev.get("cpu0-id"), str):
        yield text_element("cpu0Id", ident)


def sgx_parts(caps: Capabilities) -> Iterator[WrittenElement]:
    """Which SGX it is, and its sections (QEMU, ``qapi/misc-i386.json``, ``SgxInfo``)."""
    told: Any = caps.sgx
    listed = told.get("sections")
    sections = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    for name in ("flc", "sgx1", "sgx2"):
        yield text_element(name, "yes" if told.get(name) is True else "no")
    total = sum(_kib(one) for one in sections) if sections else _kib({"size": told.get("section-size")})
    yield text_element("section_size", str(total), unit="KiB")
    if sections:
        told_of = (element("section", node=str(_node(one)), size=str(_kib(one)), unit="KiB") for one in sections)
        yield element("sections", *told_of)


def gic_versions(caps: Capabilities, virttype: str) -> list[str]:
    """The versions that a guest may have: those of the kernel with KVM, else those that QEMU emulates."""
    return sorted(str(one.number) for one in caps.gic or () if (one.kernel if virttype == "kvm" else one.emulated))


def gic_parts(caps: Capabilities, virttype: str) -> Iterator[WrittenElement]:
    """The versions."""
    yield enum_element("version", gic_versions(caps, virttype))


def _kib(section: dict[str, Any]) -> int:
    size = section.get("size")
    return size // _KIB if isinstance(size, int) else 0


def _node(section: dict[str, Any]) -> int:
    node = section.get("node")
    return node if isinstance(node, int) else 0
