"""What a rehearsal found, in words."""

from __future__ import annotations

import json

from pydantic import JsonValue

from prober.guest.cards.name import CardChange, CardName
from prober.rehearsal.features import features_apart
from prober.rehearsal.models import GuestChange


def describe_card(change: CardChange) -> str:
    """A network card that gets another name, in words."""
    before, after = (_called(one) for one in (change.before, change.after))
    scheme = (change.before or change.after or CardName(card="", name=None)).scheme
    return (
        f"the guest's network card {change.card} would be called {after} and not {before} (systemd's scheme {scheme})"
    )


def describe_name(card: CardName) -> str:
    """What a network card is called, in words."""
    return f"the guest calls its network card {card.card} {_called(card)} (systemd's scheme {card.scheme})"


def _called(card: CardName | None) -> str:
    if card is None:
        return "nothing"
    return card.name or "what is not known"


def describe_change(change: GuestChange) -> str:
    """One difference in words.

    >>> describe_change(GuestChange(where="virtio-net-pci n at 01.0", part="vectors", here=3, there=9))
    'virtio-net-pci n at 01.0: vectors is 3 here and 9 there'
    """
    if not change.part:
        if change.there is None:
            return f"{change.where} is not there on the other side"
        if change.here is None:
            return f"{change.where} is there on the other side alone"
        return f"{change.where} is {describe_value(change.there)} on the other side"
    here, there = (describe_value(value) for value in (change.here, change.there))
    return f"{change.where}: {change.part} is {here} here and {there} there{_named_features(change)}"


def _named_features(change: GuestChange) -> str:
    """The features behind a register of the CPU, as far as they have names."""
    sides = zip(features_apart(change), ("here", "there"), strict=True)
    told = [f"{', '.join(names)} {side} alone" for names, side in sides if names]
    return f" ({'; '.join(told)})" if told else ""


def describe_value(value: JsonValue) -> str:
    """A value of QEMU's in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value or "empty"
    return json.dumps(value, ensure_ascii=False)
