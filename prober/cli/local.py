"""A source that needs no service: a binary that is asked here and now, or a recording."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from prober.capabilities.capabilities import Capabilities
from prober.cli.source import NOUNS, Json
from prober.errors import UsageError
from prober.qemu.files import read_recording


def recorded(path: Path, settings: Path | None = None) -> Local:
    """The QEMU of a recording; the file is read with the first question."""
    return Local(lambda: Capabilities.from_recording(asyncio.run(read_recording(path))), str(path), None, settings)


def interviewed(binary: str, settings: Path | None = None) -> Local:
    """A QEMU that is interviewed with the first question, with a progress line while that lasts."""
    path = str(Path(binary).absolute())

    def interview_it() -> Capabilities:
        from prober.cli.interviewing import interview_now

        return Capabilities.from_recording(interview_now(path).recording)

    return Local(interview_it, path, path, settings)


class Local:
    """Answers from capabilities that are held here.

    ``learn`` gets them when they are first needed, and may raise :class:`~prober.errors.QemuError` or
    :class:`~prober.errors.RecordingError` then.  ``binary`` is None where only a recording is known, ``settings`` the
    file with the host's settings.
    """

    def __init__(
        self, learn: Callable[[], Capabilities], label: str, binary: str | None, settings: Path | None = None
    ) -> None:
        self._learn = learn
        self._settings = settings
        self._label = label
        self._binary = binary

    @cached_property
    def _caps(self) -> Capabilities:
        return self._learn()

    def name(self) -> str:
        return f"{self._label} (QEMU {self._caps.version}, {self._caps.target})"

    def version(self) -> str:
        """Three numbers."""
        return str(self._caps.version)

    def supports(self, fact: str) -> Json:
        return self._caps.supports(fact).model_dump(mode="json")

    def translate(self, xml: bytes, *, monitor: str | None, incoming: str | None, assume_unknown_present: bool) -> Json:
        from prober.host.files import read_host
        from prober.translate.pipeline import translate
        from prober.translate.read import read_domain

        # Before the interview, which would be in vain for what cannot be read.
        host, domain = read_host(self._settings), read_domain(xml)
        binary = self._binary or domain.emulator or f"/usr/bin/qemu-system-{self._caps.target}"
        translation = translate(
            domain,
            self._caps,
            binary=binary,
            monitor=monitor,
            incoming=incoming,
            host=host,
            assume_unknown_present=assume_unknown_present,
        )
        return translation.model_dump(mode="json")

    def check_argv(self, words: list[str], *, assume_unknown_present: bool) -> Json:
        from prober.commandline.report import check_argv

        return check_argv(words, self._caps, assume_unknown_present=assume_unknown_present).model_dump(mode="json")

    def summaries(self) -> list[Json]:
        from prober.cli.summary import summarize

        return [{"id": self._label, "path": self._label, **summarize(self._caps)}]

    def types(self) -> Json:
        from prober.service.replies import TypeList

        caps = self._caps
        listed = TypeList(binary=self._label, types=caps.types, abstract_types=caps.abstract_types)
        return listed.model_dump(mode="json")

    def type(self, name: str) -> Json:
        from prober.capabilities.facts import nearest
        from prober.service.replies import describe_type

        caps = self._caps
        parents = {**(caps.types or {}), **(caps.abstract_types or {})}
        if name not in parents and name not in caps.properties:
            near = ", ".join(nearest(name, parents))
            raise UsageError(f"no type is named {name!r}", hint=f"did you mean {near}?" if near else "")
        return describe_type(self._label, caps, name).model_dump(mode="json")

    def machines(self) -> list[Json]:
        return _dump("machines", self._caps.machines)

    def cpus(self) -> list[Json]:
        return _dump("cpus", self._caps.cpu_models)

    def commands(self) -> Json:
        from prober.service.replies import list_commands

        return list_commands(self._label, self._caps).model_dump(mode="json")

    def command(self, name: str) -> Json:
        from prober.service.replies import describe_command

        return describe_command(self._label, self._caps, name).model_dump(mode="json")

    def capabilities(self) -> Capabilities:
        return self._caps


def _dump(what: str, models: Mapping[str, BaseModel] | None) -> list[Json]:
    if models is None:
        raise UsageError(f"this QEMU was never asked for its {NOUNS[what]}")
    return [model.model_dump(mode="json") for model in models.values()]
