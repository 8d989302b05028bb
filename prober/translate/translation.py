"""What a translated domain comes to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from prober.guest.hotplug.port import PortHotplug

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


class Translation(BaseModel):
    """An argv that the binary is proven to accept.  ``argv[0]`` is ``binary``."""

    model_config = _CONFIG

    binary: str
    argv: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    hotplug: tuple[PortHotplug, ...] = ()
