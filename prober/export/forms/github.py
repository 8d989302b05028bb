"""GitHub's workflow commands: lines that make annotations of what was found.

The form, and what has to be written otherwise in it, is of ``actions/toolkit`` (``packages/core/src/command.ts``): the
message is escaped in ``%``, carriage return and line feed, a property in colons and commas besides.
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.export.forms.model import CaseOutcome, FormLevel, FormReport

#: What GitHub calls them.
_LEVELS = {FormLevel.error: "error", FormLevel.warning: "warning", FormLevel.note: "notice"}


def render_github(report: FormReport) -> Iterator[str]:
    """A line for each that was found, and for each who could not be asked; without any, none.

    >>> from prober.export.forms.model import CaseOutcome, FormCase, FormPlace, FormResult
    >>> found = FormResult("xml/twice", FormLevel.error, "100% twice", FormPlace("a,b.xml", 3, 5, "/domain/name[2]"))
    >>> list(render_github(FormReport("check", (FormCase("a,b.xml", "7.2", CaseOutcome.refused, (found,)),))))
    ['::error file=a%2Cb.xml,line=3,col=5,title=xml/twice::/domain/name[2]: 100%25 twice']
    """
    for case in report.cases:
        if case.outcome is CaseOutcome.broken and not case.results:
            text = ": ".join(part for part in (case.name, case.group, case.said) if part)
            yield f"::error title=not asked::{escape_data(text)}"
    for one in report.results:
        place = one.place
        properties = {
            "file": place.file,
            "line": str(place.line) if place.file and place.line else "",
            "col": str(place.column) if place.file and place.line and place.column else "",
            "title": one.rule,
        }
        told = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items() if value)
        text = f"{place.where}: {one.text}" if place.where else one.text
        yield f"::{_LEVELS[one.level]} {told}::{escape_data(text)}"


def escape_data(text: str) -> str:
    """A text as it stands behind the second pair of colons."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """A text as the value of a property."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")
