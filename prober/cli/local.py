"""A source that needs no service: a binary that is asked here and now, or a recording."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.cli.source import Json
from prober.errors import UsageError
from prober.qemu.files import read_recording


def recorded(path: Path) -> Local:
    """The QEMU of a recording.

    :raise RecordingError: where the file cannot be read.
    """
    return Local(Capabilities.from_recording(asyncio.run(read_recording(path))), str(path), None)


def interviewed(binary: str) -> Local:
    """A QEMU that is interviewed now, with a progress line while that lasts.

    :raise QemuError: where the interview fails.
    """
    from prober.cli.interviewing import interview_now

    path = str(Path(binary).absolute())
    return Local(Capabilities.from_recording(interview_now(path).recording), path, path)


class Local:
    """Answers from capabilities that are held here.  ``binary`` is None where only a recording is known."""

    def __init__(self, caps: Capabilities, label: str, binary: str | None) -> None:
        self._caps = caps
        self._label = label
        self._binary = binary

    def name(self) -> str:
        return f"{self._label} (QEMU {self._caps.version}, {self._caps.target})"

    def supports(self, fact: str) -> Json:
        return self._caps.supports(fact).model_dump(mode="json")

    def translate(self, xml: bytes, *, assume_unknown_present: bool) -> Json:
        from prober.domain import read_domain, translate

        domain = read_domain(xml)
        binary = self._binary or domain.emulator or f"/usr/bin/qemu-system-{self._caps.target}"
        translation = translate(domain, self._caps, binary=binary, assume_unknown_present=assume_unknown_present)
        return translation.model_dump(mode="json")

    def summaries(self) -> list[Json]:
        return [self.summary()]

    def summary(self) -> Json:
        raise NotImplementedError

    def types(self) -> Json:
        caps = self._caps
        if caps.types is None:
            raise UsageError("the list of types was never asked of this QEMU")
        return {"types": caps.types, "abstract_types": caps.abstract_types}
