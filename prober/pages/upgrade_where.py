"""Where in a domain's XML stands what a rehearsed upgrade tells of.  Pure."""

from __future__ import annotations

from typing import NamedTuple

from prober.commandline.refusal import Place
from prober.domain.domain import Domain
from prober.pages.upgrade_models import WordsTold
from prober.rehearsal.upgrade import Upgraded, UpgradeQemu
from prober.rehearsal.view import ident_in
from prober.translate.pinned import with_machine
from prober.translate.places import WordPlaces, find_word_places

#: As many characters of one text are told: nobody reads more, and a page is for many domains.
MOST_TEXT = 2_000


class UpgradePlaces(NamedTuple):
    """The places of the lines that were started: the new QEMU's, and both of a guest that keeps its machine type."""

    start: WordPlaces | None = None
    old: WordPlaces | None = None
    new: WordPlaces | None = None

    @classmethod
    def find(cls, told: Upgraded, domain: Domain, old: UpgradeQemu, new: UpgradeQemu) -> UpgradePlaces:
        """Those of a domain."""
        kept = with_machine(domain, told.machine) if told.machine else domain
        return cls(
            find_word_places(domain, new.caps, new.host),
            find_word_places(kept, old.caps, old.host),
            find_word_places(kept, new.caps, new.host),
        )

    def of_device(self, words: str) -> Place | None:
        """The place of what a rehearsal tells of: ``virtio-net-pci net0 at 02.0``, the machine, a CPU."""
        for lines in (self.old, self.new):
            if lines is None:
                continue
            if words in ("machine", "option"):
                return lines.machine
            if words.startswith("cpu"):
                return lines.of_flag("-cpu")
            if ident_in(words) in lines.by_id:
                return lines.by_id[ident_in(words)]
        return None


def placed_words(words: str, place: Place | None, hint: str = "") -> WordsTold:
    """Words of this place, and what would help, no longer than anybody reads."""
    return WordsTold(shortened(words), line_in_xml(place), path_in_xml(place), shortened(hint))


def line_in_xml(place: Place | None) -> int:
    """The line of a place, 0 where none is known."""
    return 0 if place is None else place.line


def path_in_xml(place: Place | None) -> str:
    """The path of a place, empty where none is known."""
    return "" if place is None else place.path


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """No more of a text than anybody reads, with how much more there is."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} more characters"
