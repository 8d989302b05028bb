"""Where a refusal of a domain stands in its file, line and column, and what that file is called."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prober.cli.files import read_xml_file, shown_name
from prober.commandline.refusal import Note, Refusal
from prober.errors import ProberError
from prober.export.forms.model import STDIN, FormLevel, FormPlace, FormReport, FormResult
from prober.xml.columns import DocumentPlace, find_columns


def unreadable_result(file: str, reason: str, hint: str = "") -> FormResult:
    """A file that is no XML, at the line that the reason begins with, behind the file (:func:`with_place`)."""
    found = re.match(rf"{re.escape(file)}:(?:(\d+):)? ", reason)
    line = int(found[1] or 1) if found else 1
    message = reason[found.end() :] if found else reason
    return FormResult("xml/unreadable", FormLevel.error, message, FormPlace(file, line), hint)


def seen_from_root(report: FormReport) -> FormReport:
    """The same report, with each file as it is called from the root of the sources, however it was named here.

    The root is ``GITHUB_WORKSPACE`` where that is told, and is above the working directory; else the working directory.
    """
    try:
        here = str(Path.cwd())
    except OSError:
        return report  # It was removed; what could be read without it has its whole name.
    told = os.path.normpath(os.environ.get("GITHUB_WORKSPACE") or here)
    root = told if _is_below(here, told) else here

    def named(file: str) -> str:
        if not file or file == STDIN:
            return file
        whole = os.path.normpath(Path(here, file))
        return os.path.relpath(whole, root) if _is_below(whole, root) else whole

    def moved(one: FormResult) -> FormResult:
        return one._replace(place=one.place._replace(file=named(one.place.file)))

    cases = (case._replace(results=tuple(map(moved, case.results))) for case in report.cases)
    return report._replace(cases=tuple(cases))


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


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
        line, column, end = found or (said.place.line, 0, 0)
        return FormPlace(shown_name(self._file), line or 1, column, said.place.path, end)

    def result(self, said: Refusal | Note, by: str = "", message: str = "") -> FormResult:
        """It, as something that was found; ``message`` stands for its own."""
        level = FormLevel.note if isinstance(said, Note) else FormLevel.error
        return FormResult(said.rule, level, message or said.message, self.of(said), said.hint, by)
