"""A source that is a running service, asked through its unix socket.

No model is imported for an answer that is only printed: the JSON of the service is what is wanted.
"""

from __future__ import annotations

import json
import os
import platform
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from prober.cli.source import NOUNS, Json
from prober.errors import (
    BinaryFailedError,
    FactError,
    ProberError,
    RefusedError,
    ServiceError,
    UnknownBinaryError,
    UnknownNameError,
    UnreadableDomainError,
    UsageError,
)
from prober.service.client import Client, Reply

if TYPE_CHECKING:
    from prober.capabilities.capabilities import Capabilities
    from prober.commandline.refusal import Refusal

#: The errors that the service tells of by their kind (``urn:prober:KIND``); any other is its own failure.
_ERRORS: dict[str, type[ProberError]] = {
    cls.kind: cls for cls in (UsageError, FactError, UnknownBinaryError, UnknownNameError, BinaryFailedError)
}


class Remote:
    """Answers from the service on a socket; ``binary`` is an id or path that it knows, None for the host's own."""

    def __init__(self, socket: Path, binary: str | None) -> None:
        self._client = Client(socket)
        self._wanted = binary

    def name(self) -> str:
        entry = self._entry
        version = entry.get("version") or self._get(self._path())["version"]
        numbers = ".".join(str(version[part]) for part in ("major", "minor", "micro"))
        return f"{entry['path']} (QEMU {numbers}, {', '.join(entry['targets'])})"

    def supports(self, fact: str) -> Json:
        evidence: Json = self._get(self._path("supports", fact=fact))
        return evidence

    def translate(self, xml: bytes, *, monitor: str | None, incoming: str | None, assume_unknown_present: bool) -> Json:
        query = {"assume_unknown_present": "true"} if assume_unknown_present else {}
        if monitor is not None:
            query["monitor"] = monitor
        if incoming is not None:
            query["incoming"] = incoming
        if self._wanted is not None:
            query["binary"] = self._entry["id"]
        path = f"/v1/translate?{urlencode(query)}" if query else "/v1/translate"
        translation: Json = check_reply(self._client.post(path, xml, "application/xml"))
        return translation

    def check_argv(self, words: list[str], *, assume_unknown_present: bool) -> Json:
        query = {"assume_unknown_present": "true"} if assume_unknown_present else {}
        if self._wanted is not None:
            query["binary"] = self._entry["id"]
        path = f"/v1/check-argv?{urlencode(query)}" if query else "/v1/check-argv"
        report: Json = check_reply(self._client.post(path, json.dumps(words).encode(), "application/json"))
        return report

    def summaries(self) -> list[Json]:
        if self._wanted is not None:
            return [self._get(self._path())]
        return self._entries

    def types(self) -> Json:
        types: Json = self._get(self._path("types"))
        return types

    def type(self, name: str) -> Json:
        described: Json = self._get(self._path("types", name))
        return described

    def machines(self) -> list[Json]:
        return self._list("machines")

    def cpus(self) -> list[Json]:
        return self._list("cpus")

    def commands(self) -> Json:
        commands: Json = self._get(self._path("commands"))
        return commands

    def command(self, name: str) -> Json:
        described: Json = self._get(self._path("commands", name))
        return described

    def capabilities(self) -> Capabilities:
        from pydantic import ValidationError

        from prober.capabilities.capabilities import Capabilities

        try:
            return Capabilities.model_validate(self._get(self._path("capabilities")))
        except ValidationError as error:
            raise ServiceError(
                "the service's capabilities have another form than this command knows",
                hint="are both of one version of prober?",
            ) from error

    def has_binary(self) -> bool:
        """Whether the service knows the binary that is wanted, by id or path."""
        return self._wanted is None or self._find(self._wanted) is not None

    def _list(self, what: str) -> list[Json]:
        items = self._get(self._path(what))[what]
        if items is None:
            raise UsageError(f"this QEMU was never asked for its {NOUNS[what]}")
        return list(items.values())

    def _get(self, path: str) -> Any:
        return check_reply(self._client.get(path))

    def _path(self, *parts: str, **query: str) -> str:
        path = "/".join(quote(part, safe="") for part in (self._entry["id"], *parts))
        return f"/v1/binaries/{path}?{urlencode(query)}" if query else f"/v1/binaries/{path}"

    @cached_property
    def _entries(self) -> list[Json]:
        entries: list[Json] = self._get("/v1/binaries")["binaries"]
        return entries

    @cached_property
    def _entry(self) -> Json:
        """The binary that is asked.

        :raise UnknownBinaryError: where the service has no such binary, or none for this host's architecture.
        """
        entries = self._entries
        known = f"it has {', '.join(entry['id'] for entry in entries)}" if entries else "it has none at all"
        if self._wanted is not None:
            entry = self._find(self._wanted)
            if entry is not None:
                return entry
            raise UnknownBinaryError(f"the service has no binary {self._wanted!r}", hint=known)
        own = own_architecture(entries, platform.machine())
        if own is None:
            raise UnknownBinaryError(
                f"the service has no binary for {platform.machine()} guests", hint=f"choose one with --binary: {known}"
            )
        return own

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
    problem = reply.value if isinstance(reply.value, dict) else {}
    message, hint = str(problem.get("detail", f"the service answered {reply.status}")), _own_words(problem)
    kind = str(problem.get("type", "")).rpartition(":")[2]
    if kind == RefusedError.kind:
        raise RefusedError(_read_refusals(problem.get("refusals")))
    if kind == UnreadableDomainError.kind:
        raise UnreadableDomainError(message, hint=hint, line=int(problem.get("line") or 0))
    raise _ERRORS.get(kind, ServiceError)(message, hint=hint)


def _read_refusals(refusals: Any) -> list[Refusal]:
    from pydantic import TypeAdapter, ValidationError

    from prober.commandline.refusal import Refusal

    try:
        read = TypeAdapter(list[Refusal]).validate_python(refusals)
    except ValidationError as error:
        raise ServiceError("the service refused the domain and did not say why") from error
    if not read:
        raise ServiceError("the service refused the domain and did not say why")
    return read


def _own_words(problem: Json) -> str:
    """The service's hint, with this command's option for the parameter of the URL."""
    return str(problem.get("hint") or "").replace("?binary=", "--binary")
