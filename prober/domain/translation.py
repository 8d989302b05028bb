"""What a translated domain comes to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class Resource(BaseModel):
    """Something that the host must prepare before QEMU starts, or do after.

    ``kind`` says what it is, ``name`` whose (an alias), ``todo`` what to do.  ``word`` is the index in ``argv`` of
    the word that holds it, ``key`` the key in that word (dotted, empty where the word is it), ``value`` what stands
    there: a descriptor's number that can be taken as it is or replaced, a path, or a text to be replaced.
    """

    model_config = _CONFIG

    kind: str
    name: str
    todo: str
    word: int
    key: str = ""
    value: str = ""


class PortHotplug(BaseModel):
    """How a guest sees hot-plug on one PCI bus: of the root bus, a bridge or a root port.

    ``controller`` is libvirt's alias (``pci.0``), ``rules`` the reasons, each with its source in QEMU.
    """

    model_config = _CONFIG

    controller: str
    model: str
    hotplug: Literal["acpi", "native", "shpc", "none", "unknown"]
    rules: tuple[str, ...]


class Translation(BaseModel):
    """An argv that the binary is proven to accept.  ``argv[0]`` is ``binary``."""

    model_config = _CONFIG

    binary: str
    argv: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    hotplug: tuple[PortHotplug, ...] = ()
