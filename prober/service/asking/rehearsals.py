"""What of a rehearsal can be asked of the service, each as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prober.rehearsal.keeping import StateKept
from prober.rehearsal.models import Migration
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.told import MigrationList
from prober.service import routes
from prober.service.asking.questions import ServiceQuestion, as_bytes, query_of
from prober.translate.plug_models import PlugTranslation


@dataclass(frozen=True)
class Rehearsing:
    """How something is rehearsed.

    ``driven`` drives virtio devices and CPU hot-plug before, as a guest that runs has done; ``anyway`` starts also what
    the check refuses (a state is neither kept nor taken so); ``assume_unknown_present`` takes what the binary was never
    asked for present.
    """

    driven: bool = False
    anyway: bool = False
    assume_unknown_present: bool = False

    def query(self, *names: str) -> dict[str, str]:
        """These as parameters."""
        return query_of(**{name: getattr(self, name) for name in names})


#: As it comes.
UNDRIVEN = Rehearsing()

_ALL = ("driven", "anyway", "assume_unknown_present")
_OF_STATE = ("driven", "assume_unknown_present")
_ASSUME = "assume_unknown_present"


def ask_plug(
    ident: str, domain: str, devices: Sequence[str], unplug: Sequence[str], how: Rehearsing
) -> ServiceQuestion[PlugRehearsal]:
    """What comes of devices (XML) that are plugged into a domain's guest, and of aliases that are taken out."""
    body = json.dumps({"domain": domain, "devices": list(devices), "unplug": list(unplug)}).encode()
    return ServiceQuestion(routes.PLUG, PlugRehearsal, {"id": ident}, how.query(*_ALL), body, "application/json")


def ask_plug_line(
    ident: str, words: Sequence[str], commands: Sequence[Mapping[str, Any]], how: Rehearsing
) -> ServiceQuestion[PlugRehearsal]:
    """What comes of QMP commands that are sent to the machine of an argv."""
    body = json.dumps({"argv": list(words), "commands": [dict(one) for one in commands]}).encode()
    return ServiceQuestion(routes.PLUG, PlugRehearsal, {"id": ident}, how.query(*_ALL), body, "application/json")


def ask_plug_commands(
    ident: str, domain: str, devices: Sequence[str], unplug: Sequence[str], assume: bool
) -> ServiceQuestion[PlugTranslation]:
    """The QMP commands for it; nothing is started."""
    body = json.dumps({"domain": domain, "devices": list(devices), "unplug": list(unplug)}).encode()
    query = query_of(assume_unknown_present=assume)
    return ServiceQuestion(routes.PLUG_COMMANDS, PlugTranslation, {"id": ident}, query, body, "application/json")


def ask_migrate(
    ident: str, to: str, what: str | bytes | Sequence[str], to_words: Sequence[str], both_ways: bool, how: Rehearsing
) -> ServiceQuestion[MigrationList]:
    """What becomes of a domain's guest (XML, a text), or of the machine of an argv, that goes from one binary to
    another; ``to_words`` is the argv there, where it is another.
    """
    query = how.query(*_ALL) | query_of(to=to, both_ways=both_ways)
    if isinstance(what, str | bytes):
        return ServiceQuestion(routes.MIGRATE, MigrationList, {"id": ident}, query, as_bytes(what), "application/xml")
    words: Any = {"argv": list(what), "to_argv": list(to_words)} if to_words else list(what)
    body = json.dumps(words).encode()
    return ServiceQuestion(routes.MIGRATE, MigrationList, {"id": ident}, query, body, "application/json")


def ask_keep_state(ident: str, xml: str | bytes, how: Rehearsing) -> ServiceQuestion[StateKept]:
    """The state of a domain's guest that never ran, as a file."""
    query, body = how.query(*_OF_STATE), as_bytes(xml)
    return ServiceQuestion(routes.STATE, StateKept, {"id": ident}, query, body, "application/xml")


def ask_load_state(ident: str, file: bytes, assume: bool) -> ServiceQuestion[Migration]:
    """What a binary makes of the state in a file."""
    query = query_of(assume_unknown_present=assume)
    return ServiceQuestion(routes.LOAD_STATE, Migration, {"id": ident}, query, file, "application/octet-stream")
