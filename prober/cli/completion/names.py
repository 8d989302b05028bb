"""The names that a QEMU has, for completion: of a recording or of a running service, and no more than is asked for.

A recording is not read as the other commands read it, which takes longer than a key may: only the answers that have
the names are looked for in its text.  Where it is written in another way than QEMU's and libvirt's recordings are,
nothing is found.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

#: As much of a recording is read (bytes), packed and unpacked.
_MOST = 64 << 20


class Names(Protocol):
    """Names of one QEMU; empty where nobody knows."""

    def types(self) -> Iterable[str]:
        """Its QOM types."""
        ...

    def properties(self, name: str) -> Iterable[str]:
        """The properties of a type or machine, or the members of a command's arguments, as far as they are told."""
        ...

    def machines(self) -> Iterable[str]:
        """Its machines, with their aliases."""
        ...

    def cpus(self) -> Iterable[str]:
        """Its CPU models."""
        ...

    def commands(self) -> Iterable[str]:
        """Its QMP commands."""
        ...

    def options(self) -> dict[str, list[str]]:
        """Its command-line options without the dash, each with its keys."""
        ...


class Nobody:
    """Nobody is known to answer."""

    def types(self) -> Iterable[str]:
        return ()

    def properties(self, name: str) -> Iterable[str]:
        return ()

    def machines(self) -> Iterable[str]:
        return ()

    def cpus(self) -> Iterable[str]:
        return ()

    def commands(self) -> Iterable[str]:
        return ()

    def options(self) -> dict[str, list[str]]:
        return {}


class Recorded:
    """What a recording has."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def types(self) -> Iterable[str]:
        return _named(self._answer("qom-list-types"))

    def properties(self, name: str) -> Iterable[str]:
        typename = self._machine_types.get(name) or self._cpu_types.get(name) or name
        found: set[str] = set()
        for command in ("qom-list-properties", "device-list-properties"):
            found.update(_named(self._answer(command, typename)))
        # Of the models of a family one is asked for all (prober/qemu/families.py).
        if not found and name in self._cpu_types:
            asked = (one for one in self._cpu_types.values() if f'"typename": "{one}"' in self._text)
            found.update(_named(self._answer("qom-list-properties", next(asked, ""))) if self._cpu_types else ())
        return found

    def machines(self) -> Iterable[str]:
        return self._machine_types

    def cpus(self) -> Iterable[str]:
        return self._cpu_types

    def commands(self) -> Iterable[str]:
        return _named(self._answer("query-commands"))

    def options(self) -> dict[str, list[str]]:
        answer = self._answer("query-command-line-options")
        return {one["option"]: list(_named(one.get("parameters", ()))) for one in answer if "option" in one}

    @cached_property
    def _machine_types(self) -> dict[str, str]:
        found = {}
        for machine in self._answer("query-machines"):
            for name in (machine.get("name"), machine.get("alias")):
                if name:
                    found[name] = f"{machine['name']}-machine"
        return found

    @cached_property
    def _cpu_types(self) -> dict[str, str]:
        answer = self._answer("query-cpu-definitions")
        return {model["name"]: model.get("typename", "") for model in answer if "name" in model}

    @cached_property
    def _text(self) -> str:
        try:
            with self._path.open("rb") as file:
                data = file.read(_MOST)
            if data.startswith(b"\xfd7zXZ\0"):
                data = lzma.LZMADecompressor(memlimit=128 << 20).decompress(data, _MOST)
            return data.decode("utf-8", "replace")
        except (OSError, lzma.LZMAError):
            return ""

    def _answer(self, command: str, typename: str = "") -> list[dict[str, Any]]:
        """What was answered to a command, of all parts of the recording; about a type, where one is given."""
        found: list[dict[str, Any]] = []
        place = 0
        while (place := self._text.find(f'"execute": "{command}"', place)) >= 0:
            end = self._text.find("\n}\n", place)
            place, question = end, self._text[place:end]
            if end >= 0 and (not typename or f'"typename": "{typename}"' in question):
                answer = self._after(end + 3)
                found += [one for one in answer if isinstance(one, dict)]
            if end < 0:
                break
        return found

    def _after(self, place: int) -> list[Any]:
        start = self._text.find("{", place)
        try:
            answer, _ = json.JSONDecoder().raw_decode(self._text, start)
        except (ValueError, RecursionError):
            return []
        value = answer.get("return") if isinstance(answer, dict) else None
        return value if isinstance(value, list) else []


class Served:
    """What a running service knows of one of its binaries."""

    def __init__(self, socket: Path, binary: str | None) -> None:
        from prober.cli.remote import Remote

        self._remote = Remote(socket, binary)

    def types(self) -> Iterable[str]:
        from prober.service.routes import TYPES

        listed = self._remote.tell(TYPES)
        return [*(listed["types"] or ()), *(listed["abstract_types"] or ())]

    def properties(self, name: str) -> Iterable[str]:
        from prober.service.routes import TYPE

        return _named(self._remote.tell(TYPE, typename=name)["properties"] or ())

    def machines(self) -> Iterable[str]:
        from prober.service.routes import MACHINES

        listed = (self._remote.tell(MACHINES)["machines"] or {}).values()
        return [name for machine in listed for name in (machine["name"], machine["alias"]) if name]

    def cpus(self) -> Iterable[str]:
        from prober.service.routes import CPUS

        return _named((self._remote.tell(CPUS)["cpus"] or {}).values())

    def commands(self) -> Iterable[str]:
        from prober.service.routes import COMMANDS

        return self._remote.tell(COMMANDS)["commands"] or ()

    def options(self) -> dict[str, list[str]]:
        return {}


def _named(items: Iterable[dict[str, Any]]) -> list[str]:
    return [str(one["name"]) for one in items if "name" in one]
