"""What a translated domain comes to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from prober.commandline.deeds import Deed
from prober.commandline.refusal import Note
from prober.guest.cards.name import CardName
from prober.guest.hotplug.port import PortHotplug

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class Resource(BaseModel):
    """Something that the host must prepare before QEMU starts, or do after.

    ``kind`` says what it is, ``name`` whose (an alias), ``todo`` what to do.  ``word`` is the index in ``argv`` of
    the word that holds it, ``key`` the key in that word (dotted, empty where the word is it), ``value`` what stands
    there: a descriptor's number that can be taken as it is or replaced, a path, or a text to be replaced.  ``deed`` is
    what to do for a program, null where it takes somebody who knows the host.
    """

    model_config = _CONFIG

    kind: str
    name: str
    todo: str
    word: int
    key: str = ""
    value: str = ""
    deed: Deed | None = None


class Translation(BaseModel):
    """An argv that stands against nothing which the binary says of itself.  ``argv[0]`` is ``binary``.

    ``hotplug`` is who plugs on each PCI bus, and ``cards`` what a guest calls its network cards.
    ``ground`` says on what ground: it was held against all that the binary said, and not started.  ``notes`` are what
    the domain asks for that this command line does not do, in the order of the XML.
    """

    model_config = _CONFIG

    ground: Literal["checked"] = "checked"
    binary: str
    argv: tuple[str, ...]
    resources: tuple[Resource, ...] = ()
    hotplug: tuple[PortHotplug, ...] = ()
    cards: tuple[CardName, ...] = ()
    notes: tuple[Note, ...] = ()
