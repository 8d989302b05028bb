"""The name of one network card: a part of the answer, and what two answers differ in."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: The naming scheme of systemd that names are worked out by (systemd.net-naming-scheme(7)): that of Debian 12.
SCHEME = "v252"


class CardName(BaseModel):
    """What a guest with systemd's udev calls one card.

    ``card`` is libvirt's alias (``net0``).  ``onboard``, ``slot`` and ``path`` are the names by what the firmware says
    of the card (``eno1``), by the number of a hot-plug slot (``ens3``) and by the place on the bus (``enp0s3``), each
    None where there is none; ``name`` is the first of them that there is, which udev takes as it comes
    (``NamePolicy=`` of systemd's own ``99-default.link``), and None where it is not known.  ``rules`` say why.
    """

    model_config = _CONFIG

    card: str
    mac: str | None = None
    scheme: str = SCHEME
    name: str | None
    onboard: str | None = None
    slot: str | None = None
    path: str | None = None
    rules: tuple[str, ...] = ()


class CardChange(BaseModel):
    """A card whose name differs between two answers; one that only one of them has is None in the other."""

    model_config = _CONFIG

    card: str
    before: CardName | None
    after: CardName | None


def compare_card_names(before: Sequence[CardName], after: Sequence[CardName]) -> list[CardChange]:
    """The cards that a guest would call otherwise after than before, in the order of before, then what is new.

    A card is the same by its MAC address, and without one by its alias.  What is not known on both sides is no change.
    """
    later = {_key(one): one for one in after}
    changes = []
    for one in before:
        other = later.pop(_key(one), None)
        if other is None or other.name != one.name:
            changes.append(CardChange(card=one.card, before=one, after=other))
    return [*changes, *(CardChange(card=one.card, before=None, after=one) for one in later.values())]


def _key(card: CardName) -> str:
    return (card.mac or card.card).lower()
