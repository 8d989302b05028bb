"""Who answers: a running service, a QEMU binary, or a recording.

All three answer the same questions, in the JSON forms of the service's HTTP API, so no command asks which one it has.
"""

from __future__ import annotations

from typing import Any, Protocol

from prober.service.routes import Route
from prober.translate.wishes import NO_WISHES, Wishes

Json = dict[str, Any]


class Answerer(Protocol):
    """One QEMU that answers.  Every method may raise :class:`~prober.errors.ProberError`."""

    def name(self) -> str:
        """Which QEMU it is, and its version, for a human."""
        ...

    def supports(self, fact: str) -> Json:
        """The evidence for a fact (an :class:`~prober.capabilities.Evidence` as JSON)."""
        ...

    def translate(
        self,
        xml: bytes,
        *,
        monitor: str | None,
        incoming: str | None,
        assume_unknown_present: bool,
        wishes: Wishes = NO_WISHES,
    ) -> Json:
        """The translation of a domain (a :class:`~prober.translate.translation.Translation` as JSON).

        :raise RefusedError: with every :class:`~prober.commandline.refusal.Refusal`.
        """
        ...

    def check_argv(self, words: list[str], *, assume_unknown_present: bool) -> Json:
        """What is found of an argv (an :class:`~prober.commandline.report.ArgvReport` as JSON)."""
        ...

    def domains(
        self, *, machine: str | None, virttype: str | None, arch: str | None, assume_unknown_present: bool
    ) -> Json:
        """What domains may have (a :class:`~prober.export.domcapabilities.DomainCapabilities` as JSON)."""
        ...

    def prove(self, words: list[str], *, anyway: bool, assume_unknown_present: bool) -> Json:
        """What the QEMU itself makes of an argv (a :class:`~prober.proof.models.Proof` as JSON).

        :raise UsageError: where a recording is asked.
        """
        ...

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
        """The same for what a domain comes to; the proof has the ``translation`` besides.

        :raise RefusedError: with every :class:`~prober.commandline.refusal.Refusal`.
        """
        ...

    def plug(
        self,
        words: list[str],
        commands: list[str],
        *,
        anyway: bool,
        assume_unknown_present: bool,
        driven: bool = False,
    ) -> Json:
        """What comes of QMP commands that are sent to a machine with this argv (a
        :class:`~prober.rehearsal.plug_models.PlugRehearsal` as JSON); each is a text of JSON.  ``driven`` has the
        machine's devices driven before.

        :raise UsageError: where one is none, or a recording is asked.
        """
        ...

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
        """The commands for devices of a domain (a :class:`~prober.translate.plug_models.PlugTranslation` as JSON); or
        what comes of them (as :meth:`plug` tells, with the ``translation``), where that is wanted and there is a QEMU.

        :raise RefusedError: with every :class:`~prober.commandline.refusal.Refusal`, and the number of the ``device``.
        """
        ...

    def summaries(self) -> list[Json]:
        """A summary of each QEMU that answers here."""
        ...

    def tell(self, route: Route, **places: str) -> Json:
        """What it has of what a route is for, which has these parameters in its path besides the binary, if any.

        :raise UsageError: where a recording is asked of its host.
        """
        ...
