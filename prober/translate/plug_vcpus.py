"""More virtual CPUs for a guest that runs: ``<vcpu>`` says how many are there then, ``<vcpus>`` which."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from lxml import etree

from prober.commandline.refusal import Place
from prober.domain.domain import Domain
from prober.domain.vcpu import OneVcpu, Vcpu, Vcpus
from prober.errors import RefusedError
from prober.xml.reader import Reader


def place_of_root(root: etree._Element) -> Place:
    """The place of the element that a document is."""
    line: Any = root.sourceline  # None in a tree that was not parsed; the stubs say otherwise
    return Place(line or 1, f"/{root.tag}")


def with_vcpus(domain: Domain, root: etree._Element) -> Domain:
    """The domain with more CPUs.

    :raise RefusedError: where there is no room for them, or none of them is new.
    """
    reader = Reader()
    there, fixed = _cpus(domain)
    wanted = _counted(reader, root, domain, there) if root.tag == "vcpu" else _listed(reader, root) - there
    if not wanted and not reader.all_refusals():
        reader.refuse(place_of_root(root), "the guest has these CPUs already", rule="domain/plug-vcpu")
    if refusals := reader.all_refusals():
        raise RefusedError(refusals)
    places = domain.vcpu.places
    every = [
        OneVcpu(id=number, enabled=True, hotpluggable=number not in fixed, places=places)
        for number in sorted(there | wanted)
    ]
    return domain.replace(vcpus=Vcpus(every=tuple(every), places=places))


def _counted(reader: Reader, root: etree._Element, domain: Domain, there: Set[int]) -> Set[int]:
    """The first that are not there, up to a number of CPUs in all."""
    vcpu = reader.read(Vcpu, root, f"/{root.tag}")
    count = 0 if vcpu is None else vcpu.current or vcpu.value
    if count > domain.vcpu.value:
        message = f"the guest has room for {domain.vcpu.value} CPUs"
        reader.refuse(place_of_root(root), message, rule="domain/plug-vcpu")
    absent = [number for number in range(domain.vcpu.value) if number not in there]
    return {*absent[: max(0, count - len(there))]}


def _listed(reader: Reader, root: etree._Element) -> Set[int]:
    vcpus = reader.read(Vcpus, root, f"/{root.tag}")
    return set() if vcpus is None else {one.id for one in vcpus.every if one.enabled}


def _cpus(domain: Domain) -> tuple[Set[int], Set[int]]:
    """Which CPUs are there, and which of them stay as long as the guest runs."""
    if domain.vcpus is None or not domain.vcpus.every:
        every = set(range(domain.vcpu.current or domain.vcpu.value))
        return every, every
    known = [one for one in domain.vcpus.by_number(domain.vcpu.value) if one.enabled]
    return {one.id for one in known}, {one.id for one in known if not one.is_hotpluggable}
