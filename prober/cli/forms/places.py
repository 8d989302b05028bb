"""Where a refusal of a domain stands in its file: line and column."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from prober.cli.files import read_xml_file, shown_name
from prober.commandline.refusal import Note, Refusal
from prober.errors import ProberError
from prober.export.forms.model import FormLevel, FormPlace, FormResult
from prober.xml.columns import DocumentPlace, find_columns


class DomainPlaces:
    """The places of one domain's file, which is read when the first is asked for; ``xml`` is what it has, where it
    cannot be read again."""

    def __init__(self, file: str, xml: bytes = b"") -> None:
        self._file = file
        self._xml = xml
        self._find: Callable[[str], DocumentPlace | None] | None = None

    def of(self, said: Refusal | Note) -> FormPlace:
        """Where it stands; where nobody can tell the column, the line alone."""
        if self._find is None:
            if not self._xml and self._file != "-":
                with suppress(ProberError):
                    self._xml = read_xml_file(self._file)
            self._find = find_columns(self._xml)
        found = self._find(said.place.path)
        line, column = found or (said.place.line, 0)
        return FormPlace(shown_name(self._file), line or 1, column, said.place.path)

    def result(self, said: Refusal | Note, by: str = "", message: str = "") -> FormResult:
        """It, as something that was found; ``message`` stands for its own."""
        level = FormLevel.note if isinstance(said, Note) else FormLevel.error
        return FormResult(said.rule, level, message or said.message, self.of(said), said.hint, by)
