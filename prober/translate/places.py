"""Where in the XML the words of an argv come from, and what its options make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prober.capabilities import Capabilities
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Property, Qapi, Raw
from prober.commandline.prepared import number_descriptors
from prober.commandline.refusal import Origin, Place
from prober.commandline.render import render_each
from prober.domain.domain import Domain
from prober.host.host import Host
from prober.translate.order import emit
from prober.translate.steps import complete_into
from prober.translate.target import find_target


@dataclass(frozen=True)
class WordPlaces:
    """The places of one domain's options.

    ``by_id`` are those of devices, objects and backends, by their ids, ``by_type`` those of devices and objects by
    their types, each in the order of the argv.  ``machine`` is where the machine type stands, or would.
    """

    machine: Place
    by_id: Mapping[str, Place]
    by_type: Mapping[str, tuple[Place, ...]]
    _options: Mapping[int, Option | Raw]

    def of_word(self, word: int, part: str = "") -> Place | None:
        """Where an option comes from, or one part of it; ``word`` is the index of the word that holds its flag.  None
        where no option begins there."""
        option = self._options.get(word)
        return None if option is None else place_of_part(option, part, self.machine)

    def of_flag(self, flag: str, part: str = "") -> Place | None:
        """Where the first option with this flag (``-cpu``) comes from, or one part of it."""
        found = (one for one in self._options.values() if getattr(one, "flag", "") == flag)
        return next((place_of_part(one, part, self.machine) for one in found), None)


def find_word_places(domain: Domain, caps: Capabilities, host: Host) -> WordPlaces:
    """The places of what a domain comes to with a binary, in the words that
    :func:`prober.translate.pipeline.translate` gives; of a domain that is refused, those of what would be written."""
    target = find_target(domain, caps, None, host)
    completed = complete_into([], domain, target)
    options, _ = number_descriptors(emit(completed, target))
    at, words = {}, 1
    by_id: dict[str, Place] = {}
    by_type: dict[str, list[Place]] = {}
    for option, line in zip(options, render_each(options, caps), strict=True):
        at[words] = option
        words += len(line)
        place = place_of_part(option, "", target.place)
        ident, kind = _named(option)
        if ident:
            by_id.setdefault(ident, place)
        if kind and place not in by_type.setdefault(kind, []):
            by_type[kind].append(place)
    machine = domain.os.type.place("machine")
    return WordPlaces(machine, by_id, {kind: tuple(places) for kind, places in by_type.items()}, at)


def _named(option: Option | Raw) -> tuple[str, str]:
    """The id of what an option makes and its type, each empty where there is none."""
    match option:
        case DeviceOption():
            return str(option.values.get("id") or ""), option.driver
        case Object():
            return option.id, option.qom_type
        case Qapi():
            return str(option.value.get("id") or option.value.get("node-name") or ""), ""
        case Keyval():
            return next((str(item.value) for item in option.pairs if item.name == "id"), ""), ""
        case _:
            return "", ""


def place_of_part(option: Option | Raw, part: str, default: Place) -> Place:
    """Where one part of an option comes from, by its key (``path``, ``file.filename``); where that is not known, the
    option as a whole.  ``default`` is for what somebody wrote as words of the command line."""
    match option:
        case DeviceOption() | Object():
            found = places_by_name(option.properties, default)
        case Keyval():
            found = places_by_name(option.pairs, default)
        case Qapi():
            found = {name: place_in_xml(at, default) for name, at in option.places.items()}
        case Global():
            return place_in_xml(option.setting.place, default)
        case _:
            found = {}
    return found.get(part.partition(".")[0], place_in_xml(option.place, default))


def places_by_name(properties: Iterable[Property], default: Place) -> dict[str, Place]:
    """Where each property comes from."""
    return {item.name: place_in_xml(item.place, default) for item in properties}


def place_in_xml(origin: Origin, default: Place) -> Place:
    """A place in the XML; what somebody wrote as words of the command line stands where these do."""
    return origin if isinstance(origin, Place) else default
