"""JUnit's XML, as CI systems read it: a suite for each who was asked, a case for each thing that was asked about.

There is no standard; the form is that of Jenkins' plugin (``xunit``, ``junit-10.xsd``), of which every reader takes the
part that is written here.
"""

from __future__ import annotations

import re

from lxml import etree

from prober.export.forms.model import CaseOutcome, FormCase, FormLevel, FormReport, FormResult

#: What no XML 1.0 document can have, not even escaped; a character stands for each.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: FormReport) -> str:
    """The document, with its declaration.

    What was refused is a failure, what nobody could be asked about an error, and of what nothing can be said a skipped
    case.
    """
    top = etree.Element("testsuites", name=f"prober {report.command}")
    suites: dict[str, list[FormCase]] = {}
    for case in report.cases:
        suites.setdefault(case.group or report.command, []).append(case)
    for group, members in suites.items():
        top.append(_suite(group, report.command, members))
    _count(top, report.cases)
    written: bytes = etree.tostring(top, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written.decode().rstrip("\n")


def _suite(name: str, command: str, cases: list[FormCase]) -> etree._Element:
    suite = etree.Element("testsuite", name=_sound(name))
    _count(suite, tuple(cases))
    for case in cases:
        own = etree.SubElement(suite, "testcase", name=_sound(case.name), classname=_sound(f"prober.{command}"))
        own.set("time", f"{case.seconds:.3f}")
        _tell(own, case)
    return suite


def _count(element: etree._Element, cases: tuple[FormCase, ...]) -> None:
    outcomes = [case.outcome for case in cases]
    element.set("tests", str(len(cases)))
    element.set("failures", str(outcomes.count(CaseOutcome.refused)))
    element.set("errors", str(outcomes.count(CaseOutcome.broken)))
    element.set("skipped", str(outcomes.count(CaseOutcome.unknown)))
    element.set("time", f"{sum(case.seconds for case in cases):.3f}")


def _tell(element: etree._Element, case: FormCase) -> None:
    """What became of the case, and what was found beside it."""
    lines = [_line(one) for one in case.results]
    match case.outcome:
        case CaseOutcome.refused:
            first = next((one for one in case.results if one.level is FormLevel.error), None)
            # What readers show of a failure before it is opened.
            message = ": ".join(part for part in (case.said, first.text if first else "") if part)
            own = etree.SubElement(element, "failure", message=_sound(message or "refused"))
            own.set("type", _sound(first.rule if first else "refused"))
            own.text = _sound("\n".join(lines))
        case CaseOutcome.broken:
            kind = case.results[0].rule if case.results else "not asked"
            own = etree.SubElement(element, "error", message=_sound(case.said), type=_sound(kind))
            own.text = _sound("\n".join(lines))
        case CaseOutcome.unknown:
            etree.SubElement(element, "skipped", message=_sound(case.said))
            _beside(element, lines)
        case CaseOutcome.passed:
            _beside(element, lines)


def _beside(element: etree._Element, lines: list[str]) -> None:
    if lines:
        etree.SubElement(element, "system-out").text = _sound("\n".join(lines))


def _line(one: FormResult) -> str:
    place = one.place
    at = f"{place.file}:" if place.file else ""
    at += f"{place.line}:" if place.line else ""
    at += f"{place.column}:" if place.line and place.column else ""
    where = f"{place.where}: " if place.where else ""
    return f"{at}{' ' if at else ''}{where}{one.level}: {one.text} [{one.rule}]"


def _sound(text: str) -> str:
    """A text that an XML document can have."""
    return _NO_XML.sub("\ufffd", text)
