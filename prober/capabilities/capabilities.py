"""All that one recording proves of a QEMU binary."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import ValidationError

from prober.capabilities.evidence import Evidence
from prober.capabilities.facts import resolve
from prober.capabilities.inventory import Inventory
from prober.errors import RecordingError
from prober.qemu.recording import Recording

#: How many answers one Capabilities keeps; a client may ask for anything, so there is an end to it.
_REMEMBERED_FACTS = 4096


class Capabilities(Inventory):
    """What a binary can do.  Frozen, without I/O, the same for a live interview and a replayed one.

    ``types`` maps each concrete QOM type to its parent (None where QEMU does not tell), ``abstract_types``
    the abstract ones.  ``properties`` holds what each asked type answered, by reference into ``pool``,
    since most properties of one type stand in many others; ``families`` maps a CPU model's type to the one
    that was asked for its whole family.  ``schema_text`` is the compact JSON of ``query-qmp-schema``, ``listed`` what
    the binary said for ``-display help`` and others (empty where it was not asked), ``drivers`` what it said of
    each block driver that it was asked for: nothing where it has it, else its words.
    """

    @classmethod
    def from_recording(cls, recording: Recording) -> Self:
        """Derive all that the recording proves.

        :raise RecordingError: where a reply has not the form that QEMU's QAPI schema promises, or where
            the version was never asked.
        """
        # Imported late: the service has answers from its cache, and from other processes.
        from prober.capabilities.derive import derive

        try:
            return cls.model_validate(derive(recording))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise RecordingError(f"a reply has not the form that QEMU gives it: {where}: {first['msg']}") from error

    def supports(self, fact: str) -> Evidence:
        """What this binary says of a fact, in QEMU's own names.

        ``PIIX4_PM`` (a type, machine, CPU model or QMP command), ``PIIX4_PM.acpi-root-pci-hotplug`` (a
        property), ``blockdev-add.discard`` (a member of a command's arguments), ``-overcommit`` and
        ``-overcommit.mem-lock`` (a command-line option and its key), ``-display gtk`` (a display that can be had;
        ``-audiodev`` and ``-chardev`` alike), ``-blockdev rbd`` (a block driver that can be had).

        :raise FactError: where the name is not of one of these forms.
        """
        evidence = self._evidence.get(fact)
        if evidence is None:
            evidence = resolve(self, fact)
            if len(self._evidence) < _REMEMBERED_FACTS:
                self._evidence[fact] = evidence
        return evidence

    def has(self, fact: str) -> bool:
        """Whether a fact is proven present; for choosing between two spellings.  *Unknown* is not.

        :raise FactError: as :meth:`supports` does.
        """
        found = self._found.get(fact)
        if found is None:
            found = resolve(self, fact, near=False).is_present
            if len(self._found) < _REMEMBERED_FACTS:
                self._found[fact] = found
        return found

    def has_feature(self, command: str, feature: str) -> bool:
        """Whether the schema names this feature of a QMP command; a sign of what else came with it."""
        entity = self.schema_.command(command) if self.schema_ is not None else None
        # A feature is a name, or since QEMU 9.x an object with one.
        for item in () if entity is None else entity.get("features", ()):
            if (item if isinstance(item, str) else item.get("name")) == feature:
                return True
        return False

    @cached_property
    def _evidence(self) -> dict[str, Evidence]:
        return {}

    @cached_property
    def _found(self) -> dict[str, bool]:
        return {}
