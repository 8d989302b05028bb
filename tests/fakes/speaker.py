"""The part of a fake QEMU that speaks QMP.  Standard library only: it runs as a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

# Of hundreds of processes, each would take 10 ms for this import, to no end.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Request: TypeAlias = dict[str, Any]


class Speaker:
    """QMP on the standard input and output, as a socketpair."""

    def __init__(self, table: str) -> None:
        with open(table) as file:
            self.answers: dict[str, dict[str, Any]] = json.load(file)
        self._buffer = ""
        self._decoder = json.JSONDecoder()

    def send(self, data: object) -> None:
        """Send these bytes, or this value as one line of JSON."""
        line = data if isinstance(data, bytes) else json.dumps(data).encode() + b"\r\n"
        while line:
            line = line[os.write(1, line) :]

    def greet(self) -> None:
        version = self.answers["query-version"]["return"]
        self.send({"QMP": {"version": version, "capabilities": ["oob"]}})

    def requests(self) -> Iterator[Request]:
        """The client's requests, until it hangs up.  They come without line ends."""
        while True:
            self._buffer = self._buffer.lstrip()
            try:
                request, end = self._decoder.raw_decode(self._buffer)
            except ValueError:
                data = os.read(0, 65536)
                if not data:
                    return
                self._buffer += data.decode()
                continue
            self._buffer = self._buffer[end:]
            yield request

    def answer(self, request: Request) -> None:
        """Answer as the table says."""
        self.send(self.reply_to(request))

    def reply_to(self, request: Request) -> Request:
        name: str = request["execute"]
        arguments: dict[str, Any] = request.get("arguments") or {}
        key = name
        if arguments:
            key += " " + json.dumps(arguments, sort_keys=True, separators=(",", ":"))
        if name == "qmp_capabilities":
            body: Request = {"return": {}}
        elif key in self.answers:
            body = self.answers[key]
        elif "typename" in arguments:
            typename = arguments["typename"]
            body = {"error": {"class": "DeviceNotFound", "desc": f"Class '{typename}' not found"}}
        else:
            body = {"error": {"class": "CommandNotFound", "desc": f"The command {name} has not been found"}}
        return {**body, **({"id": request["id"]} if "id" in request else {})}


def names(request: Request, what: str) -> bool:
    """Whether a request is of this command, or about this type; several are written with ``|`` between."""
    return not {request["execute"], (request.get("arguments") or {}).get("typename")}.isdisjoint(what.split("|"))
