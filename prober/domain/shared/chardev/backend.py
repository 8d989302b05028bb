"""What is common to all types of character device: how each says what it takes, and what it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from prober.commandline.options import Option, Property
from prober.commandline.refusal import Place
from prober.domain.shared.chardev.source import CharacterSource
from prober.host.target import Target


@dataclass(frozen=True, slots=True)
class Ends:
    """A character device about to be emitted: where it leads, and whose it is.

    ``owner`` is the alias of the device that has it, ``place`` its element.  ``use`` says what a SPICE channel is
    for.  ``protocol`` is what a TCP socket speaks.
    """

    owner: str
    source: CharacterSource
    second: CharacterSource | None
    protocol: str
    use: str
    place: Place

    @property
    def id(self) -> str:
        """The ``id`` of the chardev (libvirt, ``qemuAliasChardevFromDevAlias``)."""
        return f"char{self.owner}"

    def at(self, field: str) -> Place:
        """Where a field of the source stands; what no XML says stands at the device."""
        place = self.source.place(field)
        return place if place.line else self.place


class Backend:
    """One type of character device.  It has no state: what the XML says comes as an argument."""

    #: The word that ``-chardev`` begins with.
    qemu: ClassVar[str]
    #: Fields of :class:`Source` that have a meaning for it, and those that it cannot do without.
    takes: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[tuple[str, ...]] = ()
    #: How many ``<source>`` it may have.
    sources: ClassVar[int] = 1
    #: Whether ``<protocol>`` has a meaning for it.
    takes_protocol: ClassVar[bool] = False
    #: What ``<graphics>`` it leads through, if any.
    graphics: ClassVar[str] = ""

    def rules(self, source: CharacterSource) -> Iterator[str]:
        """What is wrong with a source of this type, beyond what it takes and needs."""
        return iter(())

    def word(self, ends: Ends) -> str:
        """The word that ``-chardev`` begins with, where it depends on the owner."""
        return self.qemu

    def before(self, ends: Ends, target: Target) -> Iterator[Option]:
        """Options that have to stand before ``-chardev``."""
        return iter(())

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """The keys of ``-chardev`` beside ``id``."""
        return iter(())
