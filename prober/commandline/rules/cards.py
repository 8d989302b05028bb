"""Network cards of ``-net nic`` and ``-nic``, which a machine makes itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from prober.capabilities import Capabilities
from prober.commandline.aliases import NOT_PLUGGABLE
from prober.commandline.line import Line, number
from prober.commandline.options import Value
from prober.commandline.refusal import Fault, Kind, Origin, Unfit
from prober.commandline.rules.rule import Rule
from prober.commandline.text import first_item, last_item, split_pairs
from prober.commandline.texts.cards import NetworkWord, first_byte, read_network_word

#: How many there may be (``include/net/net.h``, ``MAX_NICS``), and how many of those of ISA (``hw/i386/pc.c``).
_MOST = 8
_MOST_OF_ISA = 6

#: A number in sixteens, as C reads it.
_HEXADECIMAL = re.compile(r"\s*\+?(?:0[xX])?([0-9a-fA-F]+)")

#: More vectors than any card has (``net/net.c``, ``net_init_nic``).
_MOST_VECTORS = 0x7FFFFFF

#: What asks for a list of the models (``util/help_option.h``, ``is_help_option``).
_HELP = ("help", "?")

#: From this version on a card that is not there is not made, and before it is refused.
_NO_CARD_IS_TAKEN = (9, 0, 0)

#: Since when what ``-netdev``, ``-nic`` and ``-net`` make has ids that are one another's: 5.2 took what 7.2 does not
#: (``net/net.c``, ``net_client_init1``, since 6.0).
_ONE_ID_SINCE = (6, 0, 0)


class _Card(NamedTuple):
    """``netdev`` is the one that it takes for itself, or an empty text; what ``-nic`` makes has the option's id."""

    flag: str
    place: Origin
    network: NetworkWord
    netdev: str


def _cards(line: Line) -> Iterator[_Card]:
    """The cards in the order in which they are made: first those of ``-nic``."""
    for flag in ("-nic", "-net"):
        for option in line.plain.get(flag, ()):
            try:
                network = read_network_word(flag, option.value or "")
            except Unfit:
                continue
            if network.kind == "nic" if flag == "-net" else network.kind not in ("none", "nic"):
                named = network.card.get("netdev", "") if flag == "-net" else _id_of(option.value or "")
                yield _Card(flag, option.place, network, named)


def _models(line: Line) -> Iterator[Fault]:
    for card in _cards(line):
        model = card.network.card.get("model")
        if model is not None and model not in _HELP and (why := _not_made(line, model)):
            yield Fault(card.place, "", why)


def _help(line: Line) -> Iterator[Fault]:
    # Since 9.0 it is not the machine that lists them.
    is_listed = line.kind in ("pc", "q35", "isapc") or line.caps.version.numbers >= _NO_CARD_IS_TAKEN
    for card in _cards(line) if is_listed else ():
        model = card.network.card.get("model")
        if model in _HELP:
            yield Fault(card.place, "", f"{card.flag} with model={model} lists the models, and QEMU ends")


def _ids(line: Line) -> Iterator[Fault]:
    # Netdevs are made first, and then what -nic makes.
    before = {"-net": _netdev_ids(line) | _nic_ids(line), "-nic": _netdev_ids(line)}
    for flag in ("-net", "-nic"):
        known = before[flag] if line.caps.version.numbers >= _ONE_ID_SINCE else set()
        for option in line.plain.get(flag, ()):
            name = _id_of(option.value or "")
            if name and name in known:
                yield Fault(option.place, "", f"a {flag} is called {name[:64]!r} already")
            known.add(name)


def _not_made(line: Line, model: str) -> str:
    """Why a machine makes no card of a model; nothing is said of machines that take any."""
    caps = line.caps
    if line.kind == "isapc" and model != "ne2k_isa":
        return f"machine {_name(line)} has no PCI bus, and makes a card ne2k_isa, not {model[:64]!r}"
    if line.kind not in ("pc", "q35") or model in ("ne2k_isa", "virtio"):
        return ""
    if caps.types is None or not caps.knows_properties_of("e1000"):
        return ""
    return "" if _is_card(model, caps) else f"there is no network card {model[:64]!r} that {_name(line)} makes itself"


def _is_card(name: str, caps: Capabilities) -> bool:
    if name in NOT_PLUGGABLE or name not in (caps.types or ()) or "pci-device" not in caps.ancestors(name):
        return False
    return not caps.knows_properties_of(name) or caps.property_of(name, "netdev") is not None


def _name(line: Line) -> str:
    return line.machine.name if line.machine is not None else "this machine"


def _addresses(line: Line) -> Iterator[Fault]:
    for card in _cards(line):
        mac = card.network.card.get("mac")
        if mac is None:
            continue
        first = first_byte(mac)
        if first is None:
            yield Fault(card.place, "", f"the MAC address of a card is like 52:54:00:12:34:56, not {mac[:64]!r}")
        elif first & 1:
            yield Fault(card.place, "", f"the MAC address of a card is that of one, and {mac[:64]} is that of a group")


def _slots(line: Line) -> Iterator[Fault]:
    for card in _cards(line) if line.kind in ("pc", "q35") else ():
        slot = card.network.card.get("addr")
        if slot is not None and ":" not in slot and card.network.card.get("model") != "ne2k_isa" and not _is_slot(slot):
            yield Fault(card.place, "", f"addr of a card is a slot up to 1f, without a function, not {slot[:64]!r}")


def _is_slot(text: str) -> bool:
    """As ``strtoul`` reads it, of which 32 bits are looked at."""
    match = _HEXADECIMAL.fullmatch(text)
    return match is not None and min(int(match[1], 16), 2**64 - 1) % 2**32 <= 0x1F


def _vectors(line: Line) -> Iterator[Fault]:
    for card in _cards(line):
        value: Value = last_item(card.network.tree.get("vectors"))
        vectors = number(value)
        if card.flag == "-net" and vectors is not None and _MOST_VECTORS < vectors < 2**32:
            yield Fault(card.place, "", f"vectors of a card are at most {_MOST_VECTORS}, not {vectors}")


def _number_of_them(line: Line) -> Iterator[Fault]:
    for at, card in enumerate(_cards(line)):
        if at == _MOST:
            yield Fault(card.place, "", f"this is one more than the {_MOST} network cards that a machine makes")


def _number_of_isa(line: Line) -> Iterator[Fault]:
    if line.kind in ("pc", "q35", "isapc"):
        of_isa = [card for card in _cards(line) if card.network.card.get("model") == "ne2k_isa"]
        for card in of_isa[_MOST_OF_ISA : _MOST_OF_ISA + 1]:
            yield Fault(card.place, "", f"this is one more than the {_MOST_OF_ISA} cards ne2k_isa that there may be")


def _netdevs(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    made = _netdev_ids(line) | _nic_ids(line)
    for card in _cards(line):
        name = card.network.card.get("netdev")
        if name is not None and card.flag == "-net" and name not in made:
            yield Fault(card.place, "", f"there is no netdev {name[:64]!r} for this card")


def _shared_netdevs(line: Line) -> Iterator[Fault]:
    """The netdevs of cards that the machine makes serve these, and no other card or device."""
    cards = list(_cards(line)) if line.kind in ("pc", "q35", "isapc") else []
    # Two of -nic that have one id are refused for that, and the id is no netdev for a device in any case.
    of_nic = {card.netdev for card in cards if card.flag == "-nic"}
    of_net: set[str] = set()
    for card in cards:
        if card.flag == "-net" and card.netdev and card.netdev in of_nic | of_net:
            message = f"the netdev {card.netdev[:64]!r} serves another card already, and QEMU is killed"
            yield Fault(card.place, "", message)
        elif card.netdev not in of_nic:
            of_net.add(card.netdev)
    for device in line.devices if of_net else ():
        name = device.values.get("netdev")
        if isinstance(name, str) and name in of_net:
            yield Fault(device.place, "netdev", f"the netdev {name[:64]!r} serves a card of -net nic already")


def _netdev_ids(line: Line) -> set[str]:
    return {str(first_item(option.value.get("id"))) for option in line.qapi.get("-netdev", ())}


def _nic_ids(line: Line) -> set[str]:
    return {_id_of(option.value or "") for option in line.plain.get("-nic", ())}


def _id_of(text: str) -> str:
    """The id that an option is given, or an empty text."""
    return next((str(value) for key, value in split_pairs(text, "type") if key == "id" and value), "")


_MADE = "hw/net/ne2000-isa.c, hw/pci/pci.c, pci_nic_init_nofail; net/net.c, qemu_find_nic_model"
_ABOUT = ("-net", "-nic")

RULES = (
    Rule(
        "line/nic-model",
        "the card of `-net nic` or `-nic` is one that the machine makes",
        _MADE,
        _models,
        about=_ABOUT,
        wrong="-display none -machine pc -net nic,model=usb-net -net user",
        right="-display none -machine pc -net nic,model=virtio -net user",
        until=_NO_CARD_IS_TAKEN,
    ),
    Rule(
        "line/nic-not-made",
        "the card of `-net nic` or `-nic` is one that the machine makes: any other is left out since 9.0",
        "net/net.c, net_check_clients: instantiated",
        _models,
        about=_ABOUT,
        wrong="-display none -machine pc -net nic,model=usb-net -net user",
        right="-display none -machine pc -net nic,model=virtio -net user",
        since=_NO_CARD_IS_TAKEN,
        kind=Kind.ignored,
    ),
    Rule(
        "line/nic-help",
        "`-net nic` and `-nic` are not asked for help",
        "hw/pci/pci.c, pci_nic_init_nofail; net/net.c, qemu_show_nic_models and qemu_get_nic_models",
        _help,
        about=_ABOUT,
        wrong="-display none -machine pc -nic user,model=help",
        right="-display none -machine pc -nic user,model=e1000",
    ),
    Rule(
        "line/nic-ids",
        "an id of `-net` or `-nic` is given once",
        "util/qemu-option.c, qemu_opts_create",
        _ids,
        about=_ABOUT,
        wrong="-display none -machine pc -net nic,id=net0 -net user,id=net0",
        right="-display none -machine pc -net nic,id=net0 -net user,id=net1",
    ),
    Rule(
        "line/nic-mac",
        "the MAC address of `-net nic` or `-nic` is that of one card",
        "net/net.c, net_init_nic and net_param_nic; net/util.c, net_parse_macaddr",
        _addresses,
        about=_ABOUT,
        wrong="-display none -machine pc -nic user,mac=01:54:00:12:34:56",
        right="-display none -machine pc -nic user,mac=52:54:00:12:34:56",
    ),
    Rule(
        "line/nic-slot",
        "`addr` of `-net nic` is a slot (until 8.2; later versions do not read it)",
        "hw/pci/pci.c, pci_parse_devaddr and pci_nic_init_nofail",
        _slots,
        about=("-net",),
        wrong="-display none -machine pc -net nic,addr=20 -net user",
        right="-display none -machine pc -net nic,addr=1f -net user",
        until=_NO_CARD_IS_TAKEN,
    ),
    Rule(
        "line/nic-vectors",
        f"`vectors` of `-net nic` are at most {_MOST_VECTORS}",
        "net/net.c, net_init_nic",
        _vectors,
        about=("-net",),
        wrong="-display none -machine pc -net nic,model=virtio,vectors=134217728 -net user",
        right="-display none -machine pc -net nic,model=virtio,vectors=4 -net user",
    ),
    Rule(
        "line/nic-number",
        f"there are at most {_MOST} cards of `-net nic` and `-nic`",
        "net/net.c, nic_get_free_idx",
        _number_of_them,
        about=_ABOUT,
        wrong="-display none -machine pc" + 9 * " -nic user",
        right="-display none -machine pc" + 8 * " -nic user",
    ),
    Rule(
        "line/nic-isa-number",
        f"there are at most {_MOST_OF_ISA} cards `ne2k_isa`",
        "hw/i386/pc.c, pc_init_ne2k_isa",
        _number_of_isa,
        about=_ABOUT,
        wrong="-display none -machine pc -net user" + 7 * " -net nic,model=ne2k_isa",
        right="-display none -machine pc -net user" + 6 * " -net nic,model=ne2k_isa",
        since=_NO_CARD_IS_TAKEN,
    ),
    Rule(
        "line/nic-netdev",
        "the netdev of `-net nic` is there",
        "net/net.c, net_init_nic",
        _netdevs,
        about=("-net",),
        wrong="-display none -machine pc -netdev user,id=a -net nic,netdev=b",
        right="-display none -machine pc -netdev user,id=a -net nic,netdev=a",
    ),
    Rule(
        "line/nic-netdev-once",
        "the netdev of a card that the machine makes serves that card alone",
        "hw/core/qdev-properties-system.c, set_netdev, by qdev_set_nic_properties",
        _shared_netdevs,
        about=("-net", "-nic"),
        wrong="-display none -machine pc -netdev user,id=a -net nic,netdev=a -net nic,netdev=a",
        right="-display none -machine pc -netdev user,id=a -netdev user,id=b -net nic,netdev=a -net nic,netdev=b",
    ),
)
