"""Network cards in one word: ``-net`` and ``-nic`` (``net/net.c``, ``net_client_init`` and ``net_param_nic``).

``-net nic`` makes a card on hub 0, any other ``-net`` a netdev there; ``-nic`` makes a netdev with a card of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from prober.commandline.options import Value
from prober.commandline.text import Text, bare_switch, collect_items, last_item, split_pairs
from prober.commandline.texts.netdevs import expand_ipv6_net

#: Keys of ``-nic`` that are the card's; all others are the netdev's.
_OF_CARD = ("model", "mac")


class NetworkWord(NamedTuple):
    """``kind`` is the netdev's type, ``nic`` for a card alone, ``none`` for nothing.  ``tree`` has all that
    ``netdev_add`` takes, ``card`` what is the card's: its model and MAC address, ``addr`` and ``netdev``."""

    kind: str
    tree: Mapping[str, Value]
    card: Mapping[str, str]


def read_network_word(flag: str, text: str) -> NetworkWord:
    """What an option makes.

    :raise Unfit: where ``ipv6-net`` is none.
    """
    pairs = [bare_switch(key) if value is None else (key, value) for key, value in split_pairs(text, "type")]
    if flag == "-nic":
        card = {key: str(value) for key, value in pairs if key in _OF_CARD}
        tree = collect_items((key, value) for key, value in pairs if key not in _OF_CARD)
        tree.setdefault("type", Text("user"))
        kind = str(last_item(tree["type"]))
    else:
        tree = collect_items(pairs)
        kind = str(last_item(tree.get("type", "")))
        card = {"mac" if key == "macaddr" else key: str(value) for key, value in pairs} if kind == "nic" else {}
    tree.setdefault("id", Text("net"))
    expand_ipv6_net(tree)
    return NetworkWord(kind, tree, card)


def first_byte(text: str) -> int | None:
    """The first byte of a MAC address, or None for what QEMU takes for none (``net/util.c``, ``net_parse_macaddr``).

    A number of up to three bytes stands for the last of them.
    """
    number = _number_alone(text)
    if number is not None and number <= 0xFFFFFF:
        return 0x52
    parts = text.replace("-", ":").split(":")
    if len(parts) != 6 or any(not _is_hex(part) for part in parts):
        return None
    return int(parts[0], 16) & 0xFF


def _number_alone(text: str) -> int | None:
    if not text.isascii() or len(text) > 16:
        return None
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 8 if text[:1] == "0" else 10)
    except ValueError:
        return None


def _is_hex(text: str) -> bool:
    return len(text) <= 16 and text.isascii() and text.isalnum() and not text.lower().strip("0123456789abcdef")
