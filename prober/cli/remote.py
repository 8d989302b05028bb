"""A running service that answers, asked through its unix socket by the rows of its routes.

No model is imported for an answer that is only printed: the JSON of the service is what is wanted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from prober.cli import output
from prober.cli.answerer import Json
from prober.errors import UnknownBinaryError, UnreadableDomainError
from prober.service.asking.problems import problem_error
from prober.service.client import NOTHING, Client, Reply
from prober.service.routes import (
    BINARIES,
    BINARY,
    CHECK_ARGV,
    DOMCAPABILITIES,
    LOAD_STATE,
    MIGRATE,
    PLUG,
    PLUG_COMMANDS,
    PROVE,
    STATE,
    SUPPORTS,
    TRANSLATE,
    Route,
)
from prober.translate.wishes import NO_WISHES, Wishes


class Remote:
    """Answers from the service on a socket; ``binary`` is an id or path that it knows, None for the host's own."""

    def __init__(self, socket: Path, binary: str | None) -> None:
        self._client = Client(socket)
        self._wanted = binary

    def name(self) -> str:
        entry = self._entry
        version = entry.get("version") or self.tell(BINARY)["version"]
        numbers = ".".join(str(version[part]) for part in ("major", "minor", "micro"))
        return f"{entry['path']} (QEMU {numbers}, {', '.join(entry['targets'])})"

    def supports(self, fact: str) -> Json:
        evidence: Json = check_reply(self._client.ask(SUPPORTS, {"id": self._entry["id"]}, {"fact": fact}))
        return evidence

    def translate(
        self,
        xml: bytes,
        *,
        monitor: str | None,
        incoming: str | None,
        assume_unknown_present: bool,
        wishes: Wishes = NO_WISHES,
    ) -> Json:
        query: dict[str, str | None] = {
            "assume_unknown_present": _told(assume_unknown_present),
            "monitor": monitor,
            "incoming": incoming,
            "binary": self._named(),
            **wishes.query(),
        }
        try:
            return self._work(TRANSLATE, query, xml)
        except UnknownBinaryError:
            stand_in = self._stand_in(xml)
            if stand_in is None:
                raise
        answer = self._work(TRANSLATE, {**query, "binary": stand_in["id"]}, xml)
        output.note(f"the service has no QEMU, and {stand_in['id']} stands in for one: a recording")
        return answer

    def check_argv(self, words: list[str], *, assume_unknown_present: bool) -> Json:
        query = {"assume_unknown_present": _told(assume_unknown_present), "binary": self._named()}
        return self._work(CHECK_ARGV, query, json.dumps(words).encode())

    def domains(
        self, *, machine: str | None, virttype: str | None, arch: str | None, assume_unknown_present: bool
    ) -> Json:
        query = _given(
            {
                "machine": machine,
                "virttype": virttype,
                "arch": arch,
                "assume_unknown_present": _told(assume_unknown_present),
            }
        )
        told: Json = check_reply(self._client.ask(DOMCAPABILITIES, {"id": self._entry["id"]}, query))
        return told

    def prove(self, words: list[str], *, anyway: bool, assume_unknown_present: bool) -> Json:
        query = {"anyway": _told(anyway), "assume_unknown_present": _told(assume_unknown_present)}
        return self._prove(query, json.dumps(words).encode())

    def prove_domain(
        self,
        xml: bytes,
        *,
        monitor: str | None,
        incoming: str | None,
        anyway: bool,
        assume_unknown_present: bool,
        wishes: Wishes = NO_WISHES,
    ) -> Json:
        query: dict[str, str | None] = {
            "anyway": _told(anyway),
            "assume_unknown_present": _told(assume_unknown_present),
            "monitor": monitor,
            "incoming": incoming,
            **wishes.query(),
        }
        return self._prove(query, xml, "application/xml")

    def plug(
        self,
        words: list[str],
        commands: list[str],
        *,
        anyway: bool,
        assume_unknown_present: bool,
        driven: bool = False,
    ) -> Json:
        from prober.cli.rehearsing import read_commands

        read = [command.model_dump(mode="json") for command in read_commands(commands)]
        query = {
            "anyway": _told(anyway),
            "driven": _told(driven),
            "assume_unknown_present": _told(assume_unknown_present),
        }
        return self._rehearse(PLUG, query, json.dumps({"argv": words, "commands": read}).encode())

    def plug_devices(
        self,
        xml: bytes,
        devices: list[bytes],
        unplug: list[str],
        *,
        rehearse: bool,
        anyway: bool,
        assume_unknown_present: bool,
        driven: bool = False,
    ) -> Json:
        body = {"domain": _as_text(xml), "devices": [*map(_as_text, devices)], "unplug": unplug}
        text = json.dumps(body).encode()
        assume = _told(assume_unknown_present)
        if not rehearse or self._entry["kind"] == "recording":
            query = _given({"assume_unknown_present": assume})
            told: Json = check_reply(self._client.ask(PLUG_COMMANDS, {"id": self._entry["id"]}, query, text))
            return told
        told_of_it = {"anyway": _told(anyway), "driven": _told(driven), "assume_unknown_present": assume}
        return self._rehearse(PLUG, told_of_it, text)

    def migrate(
        self,
        to: str,
        body: bytes,
        kind: str,
        *,
        driven: bool,
        both_ways: bool,
        anyway: bool,
        assume_unknown_present: bool,
    ) -> list[Json]:
        """What becomes of the guest of a body (a :class:`~prober.rehearsal.told.MigrationTold` as JSON for each way)
        that goes from this binary to the one ``to`` of the same service.

        :raise ProberError: as the service tells.
        """
        query = {
            "to": self._known(to)["id"],
            "driven": _told(driven),
            "both_ways": _told(both_ways),
            "anyway": _told(anyway),
            "assume_unknown_present": _told(assume_unknown_present),
        }
        migrations: list[Json] = self._rehearse(MIGRATE, query, body, kind)["migrations"]
        return migrations

    def keep_state(self, xml: bytes, *, driven: bool, assume_unknown_present: bool) -> Json:
        """The state of a domain's guest (a :class:`~prober.rehearsal.keeping.StateKept` as JSON).

        :raise ProberError: as the service tells.
        """
        query = {"driven": _told(driven), "assume_unknown_present": _told(assume_unknown_present)}
        return self._rehearse(STATE, query, xml)

    def load_state(self, file: bytes, *, assume_unknown_present: bool) -> Json:
        """What the binary makes of a state file (a :class:`~prober.rehearsal.models.Migration` as JSON).

        :raise ProberError: as the service tells.
        """
        return self._rehearse(LOAD_STATE, {"assume_unknown_present": _told(assume_unknown_present)}, file)

    def summaries(self) -> list[Json]:
        return self._entries if self._wanted is None else [self.tell(BINARY)]

    def tell(self, route: Route, **places: str) -> Json:
        if "{id}" in route.path:
            places["id"] = self._entry["id"]
        told: Json = check_reply(self._client.ask(route, places))
        return told

    def has_binary(self) -> bool:
        """Whether the service knows the binary that is wanted, by id or path."""
        return self._wanted is None or self._find(self._wanted) is not None

    def _prove(self, query: Mapping[str, str | None], body: bytes, kind: str = "") -> Json:
        return self._start(PROVE, "proves", query, body, kind)

    def _rehearse(self, route: Route, query: Mapping[str, str | None], body: bytes, kind: str = "") -> Json:
        return self._start(route, "rehearses", query, body, kind)

    def _start(self, route: Route, does: str, query: Mapping[str, str | None], body: bytes, kind: str) -> Json:
        """Have the binary started; a parameter of the query that is None is left out."""
        places = {"id": self._entry["id"]}
        with output.ProgressLine() as progress:
            progress.show(f"{Path(self._entry['path']).name}: the service {does} …")
            told: Json = check_reply(self._client.ask(route, places, _given(query), body, kind))
        return told

    def _work(self, route: Route, query: Mapping[str, str | None], body: bytes) -> Json:
        """Have the service work on something; a parameter of the query that is None is left out."""
        worked: Json = check_reply(self._client.ask(route, NOTHING, _given(query), body))
        return worked

    def _stand_in(self, xml: bytes) -> Json | None:
        """A recording for a domain whose ``<emulator>`` the service has not: where nobody is named, and it has nothing
        but recordings, as on a host without any QEMU.
        """
        if self._wanted is not None or any(entry["kind"] == "binary" for entry in self._entries):
            return None
        from prober.translate.read import read_domain

        return own_architecture(self._entries, read_domain(xml).arch or os.uname().machine)

    def _named(self) -> str | None:
        """The id of the binary, where the user names one."""
        return None if self._wanted is None else self._entry["id"]

    @cached_property
    def _entries(self) -> list[Json]:
        entries: list[Json] = check_reply(self._client.ask(BINARIES))["binaries"]
        return entries

    @cached_property
    def _entry(self) -> Json:
        """The binary that is asked.

        :raise UnknownBinaryError: where the service has no such binary, or none for this host's architecture.
        """
        if self._wanted is not None:
            return self._known(self._wanted)
        machine = os.uname().machine
        own = own_architecture(self._entries, machine)
        if own is None:
            raise UnknownBinaryError(
                f"the service has no binary for {machine} guests", hint=f"choose one with --binary: {self._has()}"
            )
        return own

    def _known(self, name: str) -> Json:
        """The binary of this id or path.

        :raise UnknownBinaryError: where the service has none.
        """
        entry = self._find(name)
        if entry is None:
            raise UnknownBinaryError(f"the service has no binary {name!r}", hint=self._has())
        return entry

    def _has(self) -> str:
        ids = ", ".join(entry["id"] for entry in self._entries)
        return f"it has {ids}" if ids else "it has none at all"

    def _find(self, wanted: str) -> Json | None:
        path = os.path.abspath(wanted)  # noqa: PTH100 - only a name is made, no file is looked at
        for entry in self._entries:
            if wanted == entry["id"] or path in (entry["path"], *entry["aliases"]):
                return entry
        return None


def own_architecture(entries: list[Json], target: str) -> Json | None:
    """The binary for guests of an architecture, as the service itself chooses one for a domain.

    It is the one called ``qemu-system-TARGET``, else the newest binary for it, else the newest recording.
    """
    for entry in entries:
        if entry["kind"] == "binary" and entry["path"].endswith(f"/qemu-system-{target}"):
            return entry
    fitting = [entry for entry in entries if target in entry["targets"]]
    return max(fitting, key=_rank, default=None)


def _rank(entry: Json) -> tuple[bool, list[int]]:
    return entry["kind"] == "binary", [entry["version"][part] for part in ("major", "minor", "micro")]


def check_reply(reply: Reply) -> Any:
    """The answer.

    :raise ProberError: the one that the service tells of; a :class:`ServiceError` where that is none of ours.
    """
    if reply.ok:
        return reply.value
    error = problem_error(reply.status, reply.value)
    # With this command's option for the parameter of the URL.
    error.hint = error.hint.replace("?binary=", "--binary")
    raise error


def _given(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _as_text(xml: bytes) -> str:
    """XML as JSON can hold it.

    :raise UnreadableDomainError: where it is not UTF-8.
    """
    try:
        return xml.decode()
    except UnicodeDecodeError as error:
        raise UnreadableDomainError(f"it is not UTF-8: {error}", hint="a service takes XML in UTF-8") from error


def _told(truth: bool) -> str | None:
    return "true" if truth else None
