"""What a netdev's members are read for, beyond their types."""

from __future__ import annotations

from typing import Any

from prober.commandline.refusal import Unfit
from prober.commandline.text import Item, as_number, last_item


def expand_ipv6_net(tree: dict[str, Any]) -> None:
    """``ipv6-net=fec0::/64`` in place of which ``ipv6-prefix`` and ``ipv6-prefixlen`` stand, as in key=value form alone
    (``net/net.c``, ``net_client_init``, 2.6 to 11.1).

    :raise Unfit: where what stands behind the slash is no number.
    """
    if "ipv6-net" not in tree:
        return
    address, slash, length = str(last_item(tree.pop("ipv6-net"))).partition("/")
    number = as_number(length) if slash else 64
    if number is None:
        raise Unfit(f"ipv6-net is like fec0::/64, and {length[:64]!r} is no number", rule="option/value")
    tree["ipv6-prefix"], tree["ipv6-prefixlen"] = Item(address), Item(str(number))
