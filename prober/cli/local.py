"""Who answers without a service: a binary that is asked here and now, or a recording.

What only some questions need is imported with the question: a fact is told of in half the time that a translation
takes to load.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.facts import nearest
from prober.cli.answerer import Json
from prober.cli.summary import summarize
from prober.errors import RecordingError, UsageError
from prober.qemu.bundled import called, named_recording, what_else
from prober.qemu.decoding import load_recording
from prober.service.routes import HOST, TYPE, Route
from prober.translate.wishes import NO_WISHES, Wishes


def recorded(path: Path, settings: Path | None = None) -> Local:
    """The QEMU of a recording, or of one that comes with prober (``qemu-7.2``); it is read with the first question."""
    file = named_recording(path)

    def read() -> Capabilities:
        try:
            return Capabilities.from_recording(load_recording(file))
        except RecordingError as error:
            raise RecordingError(error.message, hint=error.hint or what_else(path)) from error

    return Local(read, called(path, file), None, settings)


def interviewed(binary: str, settings: Path | None = None, root: Path | None = None) -> Local:
    """A QEMU that is interviewed with the first question, with a progress line while that lasts.

    ``root`` is the directory of another system that it is started in.
    """
    path = str(Path(binary).absolute()) if root is None else binary
    directory = None if root is None else root.absolute()

    def interview_it() -> Capabilities:
        from prober.cli.interviewing import interview_now

        return Capabilities.from_recording(interview_now(path, root=directory).recording)

    return Local(interview_it, path, path, settings, directory)


class Local:
    """Answers from capabilities that are held here.

    ``learn`` gets them when they are first needed, and may raise :class:`~prober.errors.QemuError` or
    :class:`~prober.errors.RecordingError` then.  ``binary`` is None where only a recording is known, ``settings`` the
    file with the host's settings, ``root`` the directory of another system that the binary is started in.
    """

    def __init__(
        self,
        learn: Callable[[], Capabilities],
        label: str,
        binary: str | None,
        settings: Path | None = None,
        root: Path | None = None,
    ) -> None:
        self._learn = learn
        self._root = root
        self._settings = settings
        self._label = label
        self.binary = binary

    @property
    def is_binary(self) -> bool:
        """Whether there is a QEMU that can be started."""
        return self.binary is not None

    @cached_property
    def capabilities(self) -> Capabilities:
        """All that is known."""
        return self._learn()

    def name(self) -> str:
        return f"{self._label} {self.qemu()}"

    def qemu(self) -> str:
        """Which QEMU it is, whatever it is called here."""
        return f"(QEMU {self.capabilities.version}, {self.capabilities.target})"

    def version(self) -> Json:
        """As JSON has it everywhere."""
        return self.capabilities.version.model_dump()

    def supports(self, fact: str) -> Json:
        return self.capabilities.supports(fact).model_dump(mode="json")

    def translate(
        self,
        xml: bytes,
        *,
        monitor: str | None,
        incoming: str | None,
        assume_unknown_present: bool,
        wishes: Wishes = NO_WISHES,
    ) -> Json:
        from prober.cli.translating import Here, HostFile, translate_here
        from prober.translate.read import read_domain

        # Before the interview, which would be in vain for what cannot be read.
        domain = read_domain(xml, ignore_unknown=wishes.ignore_unknown)
        translation = translate_here(
            domain,
            Here(lambda: self.capabilities, self.binary, HostFile(self._settings)),
            monitor=monitor,
            incoming=incoming,
            assume_unknown_present=assume_unknown_present,
            wishes=wishes,
        )
        return translation.model_dump(mode="json")

    def check_argv(self, words: list[str], *, assume_unknown_present: bool) -> Json:
        from prober.commandline.report import check_argv

        report = check_argv(words, self.capabilities, assume_unknown_present=assume_unknown_present)
        return report.model_dump(mode="json")

    def domains(
        self, *, machine: str | None, virttype: str | None, arch: str | None, assume_unknown_present: bool
    ) -> Json:
        from prober.export.domcapabilities import DomainsAsked, tell_domains
        from prober.host.files import read_host

        host = read_host(self._settings)
        asked = DomainsAsked(
            machine=machine, virttype=virttype, arch=arch, assume_unknown_present=assume_unknown_present
        )
        told = tell_domains(self.capabilities, asked, binary=self._label, path=self.binary, host=host)
        return told.model_dump(mode="json")

    def prove(self, words: list[str], *, anyway: bool, assume_unknown_present: bool) -> Json:
        from prober.cli.proving import LineAsked, prove_now

        binary = self._binary_to_prove()
        asked = LineAsked(words, anyway, assume_unknown_present)
        return prove_now(binary, self._root, self.capabilities, asked)

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
        from prober.cli.proving import LineAsked, prove_now

        binary = self._binary_to_prove()
        told = self.translate(
            xml, monitor=monitor, incoming=incoming, assume_unknown_present=assume_unknown_present, wishes=wishes
        )
        asked = LineAsked(told["argv"], anyway, assume_unknown_present)
        return prove_now(binary, self._root, self.capabilities, asked, told)

    def plug(
        self,
        words: list[str],
        commands: list[str],
        *,
        anyway: bool,
        assume_unknown_present: bool,
        driven: bool = False,
    ) -> Json:
        from prober.cli.rehearsing import plug_now, read_commands

        # Before the interview, which would be in vain for what cannot be read.
        read = read_commands(commands)
        binary = self._binary_to_prove()
        return plug_now(
            binary,
            self._root,
            self.capabilities,
            words,
            read,
            anyway=anyway,
            assume_unknown_present=assume_unknown_present,
            driven=driven,
        )

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
        from prober.cli.rehearsing import DevicesAsked, rehearse_devices, translate_devices
        from prober.cli.translating import Here, HostFile

        here = Here(lambda: self.capabilities, self.binary, HostFile(self._settings))
        asked = DevicesAsked(xml, tuple(devices), tuple(unplug))
        told = translate_devices(asked, here, assume_unknown_present=assume_unknown_present)
        if self.binary is None or not rehearse:
            return told.model_dump(mode="json")
        caps, assume = self.capabilities, assume_unknown_present
        return rehearse_devices(self.binary, self._root, caps, told, anyway=anyway, assume=assume, driven=driven)

    def _binary_to_prove(self) -> str:
        if self.binary is None:
            raise UsageError("a recording cannot prove anything", hint="name a QEMU with --binary, or a service")
        return self.binary

    def summaries(self) -> list[Json]:
        return [{"id": self._label, "path": self._label, **summarize(self.capabilities)}]

    def tell(self, route: Route, **places: str) -> Json:
        if route is HOST:
            return self._host()
        from prober.service.answers import answer_of_one

        caps = self.capabilities
        if route is TYPE:
            _require_type(caps, places["typename"])
        return answer_of_one(route, self._label, caps, places).model_dump(mode="json")

    def _host(self) -> Json:
        """The host that the binary is on, which is not asked for it."""
        from prober.host.look import read_host_facts

        if self.binary is None:
            raise UsageError(
                "a recording does not tell of its host", hint="name a QEMU of this host with --binary, or a service"
            )
        return read_host_facts().model_dump(mode="json")


def _require_type(caps: Capabilities, name: str) -> None:
    """The service says in its own words that a type is not there.

    :raise UsageError: where the binary knows no such type.
    """
    parents = {**(caps.types or {}), **(caps.abstract_types or {})}
    if name not in parents and name not in caps.properties:
        near = ", ".join(nearest(name, parents))
        raise UsageError(f"no type is named {name!r}", hint=f"did you mean {near}?" if near else "")
