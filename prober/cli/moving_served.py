"""Guests sent between two QEMUs of one service, which rehearses that itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prober.cli import output
from prober.cli.files import read_xml_file, shown_name
from prober.cli.remote import Remote
from prober.errors import RefusedError, UnreadableDomainError
from prober.rehearsal.told import MigrationTold


@dataclass(frozen=True)
class ServedMove:
    """From where to where: a binary of the service, and the id or path of another; and how it is asked."""

    source: Remote
    destination: str
    driven: bool
    both_ways: bool
    anyway: bool
    assume_unknown_present: bool

    def of_lines(self, line: Sequence[str], to_line: Sequence[str]) -> list[MigrationTold]:
        """What becomes of a guest by its line on either side."""
        body = json.dumps({"argv": [*line], "to_argv": [*to_line]}).encode()
        return [*self._ask("", body, "application/json")]

    def of_domains(self, files: Sequence[str]) -> list[MigrationTold]:
        """What becomes of each domain's guest.

        :raise UnreadableDomainError: where the only domain cannot be read.
        """
        told: list[MigrationTold] = []
        for file in files:
            name = shown_name(file)
            try:
                told += self._ask(name, read_xml_file(file), "application/xml")
            except UnreadableDomainError as error:
                if len(files) == 1:
                    raise
                output.complain(f"{name}: {error.message}", error.hint)
                told.append(MigrationTold(file=name, unreadable=error.message))
            except RefusedError as error:
                told.append(MigrationTold(file=name, refusals=tuple(error.refusals)))
        return told

    def _ask(self, file: str, body: bytes, kind: str) -> Iterator[MigrationTold]:
        told = self.source.migrate(
            self.destination,
            body,
            kind,
            driven=self.driven,
            both_ways=self.both_ways,
            anyway=self.anyway,
            assume_unknown_present=self.assume_unknown_present,
        )
        for one in told:
            yield MigrationTold.model_validate({**one, "file": file})
