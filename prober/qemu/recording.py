"""What one interview said: questions and answers, in the ``.replies`` form of libvirt's test suite.

A ``.replies`` file is a series of JSON objects separated by blank lines: a command, its reply, the next
command, and so on (libvirt, ``tests/qemucapabilitiesdata/README.rst``).  A second ``qmp_capabilities``
begins a second part: libvirt asks a QEMU with KVM first and one with TCG after it.

This module is pure text in and out; reading and writing files is in :mod:`prober.qemu.files`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from prober.errors import RecordingError
from prober.qemu.replies import JsonValue, line_of, pairs

#: The error class that marks a question which killed QEMU, each time it was asked.  No QEMU sends it.
CRASHED = "QemuCrashed"

#: The command that stands for a start with ``-OPTION help`` (:mod:`prober.qemu.help`).  No QEMU has one of this name.
HELP = "x-prober-help"


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """QEMU's error reply: ``cls`` is QMP's ``class``, ``desc`` the sentence for a human."""

    cls: str
    desc: str

    @property
    def crashed(self) -> bool:
        """Whether the question killed QEMU instead of being answered."""
        return self.cls == CRASHED


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer: either ``reply`` (what stood under ``return``) or ``error``.

    Exchanges of one recording may have parts of their replies in common.
    """

    command: str
    arguments: Mapping[str, JsonValue] | None = None
    reply: JsonValue = None
    error: ErrorReply | None = None


@dataclass(frozen=True)
class Part:
    """The exchanges with one kind of QEMU process: with KVM, or with TCG."""

    exchanges: tuple[Exchange, ...]

    def __repr__(self) -> str:
        # A megabyte of text otherwise, which asyncio.run() makes of its task's result just to throw it away.
        return f"<Part of {len(self.exchanges)} exchanges>"

    @cached_property
    def _by_command(self) -> dict[str, list[Exchange]]:
        index: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            index.setdefault(exchange.command, []).append(exchange)
        return index

    def find(self, command: str, arguments: Mapping[str, JsonValue] | None = None) -> Exchange | None:
        """The first exchange that asked exactly this, or None where it was never asked."""
        asked = question_key(command, arguments)
        return next((one for one in self.every(command) if question_key(command, one.arguments) == asked), None)

    def every(self, command: str) -> Sequence[Exchange]:
        """All exchanges of one command, in the order they were asked."""
        return self._by_command.get(command, ())


@dataclass(frozen=True)
class Recording:
    """One interview.  ``parts[0]`` holds everything; a second part holds what differs under TCG."""

    parts: tuple[Part, ...]

    @classmethod
    def loads(cls, text: str) -> Recording:
        """Read the ``.replies`` form.

        :raise RecordingError: where the text is not a series of JSON commands and replies, names the line.
        """
        parts: list[list[Exchange]] = []
        for command, reply, place in pairs(text):
            try:
                exchange = _exchange(command, reply)
            except _FormError as error:
                raise RecordingError(f"line {line_of(text, place)}: {error}") from error
            if exchange.command == "qmp_capabilities" or not parts:
                parts.append([])
            parts[-1].append(exchange)
        if not parts:
            raise RecordingError("the recording is empty", hint="record one with `prober record`")
        return cls(tuple(Part(tuple(part)) for part in parts))

    def dumps(self) -> str:
        """The ``.replies`` form: two-space JSON, ids counted anew in each part, as libvirt writes it."""
        return "\n".join(self._objects())

    def _objects(self) -> Iterator[str]:
        for part in self.parts:
            for number, exchange in enumerate(part.exchanges, start=1):
                ident = f"libvirt-{number}"
                question: dict[str, JsonValue] = {"execute": exchange.command}
                if exchange.arguments is not None:
                    question["arguments"] = dict(exchange.arguments)
                yield _pretty({**question, "id": ident})
                if exchange.error is not None:
                    error: JsonValue = {"class": exchange.error.cls, "desc": exchange.error.desc}
                    yield _pretty({"id": ident, "error": error})
                else:
                    yield _pretty({"return": exchange.reply, "id": ident})


def question_key(command: str, arguments: Mapping[str, JsonValue] | None) -> str:
    """One string for one question, whatever the order of its arguments."""
    if not arguments:
        return command
    return f"{command} {json.dumps(arguments, sort_keys=True, separators=(',', ':'))}"


def _pretty(value: Mapping[str, JsonValue]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


class _FormError(Exception):
    """What is wrong with a command and its reply."""


def _exchange(command: JsonValue, reply: JsonValue) -> Exchange:
    if not isinstance(command, dict) or not isinstance(command.get("execute"), str):
        raise _FormError("expected a command, an object with a text under `execute`")
    name, arguments = command["execute"], command.get("arguments")
    assert isinstance(name, str)
    if arguments is not None and not isinstance(arguments, dict):
        raise _FormError(f"the arguments of {name} are not an object")
    if not isinstance(reply, dict):
        raise _FormError(f"the reply to {name} is not an object")
    if "return" in reply:
        return Exchange(name, arguments, reply["return"])
    error = reply.get("error")
    if not isinstance(error, dict):
        raise _FormError(f"the reply to {name} has neither `return` nor `error`")
    return Exchange(name, arguments, error=ErrorReply(str(error.get("class", "")), str(error.get("desc", ""))))
