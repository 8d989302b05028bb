"""Changes of the XML that help, as the page of an upgrade shows them.  Pure."""

from __future__ import annotations

import re

from prober.commandline.refusal import Place
from prober.pages.upgrade_models import MendTold
from prober.pages.upgrade_where import UpgradePlaces, line_in_xml, shortened
from prober.rehearsal.upgrade import Mend, Upgraded
from prober.rehearsal.wording import describe_change
from prober.xml.written import xml_text


def place_of_mend(mend: Mend, told: Upgraded, where: UpgradePlaces) -> Place | None:
    """Where a change would be made: at the machine type, or at the device that a new element is about."""
    if not mend.xml:
        return where.start.machine if where.start is not None else None
    if mend.path.startswith("/domain/cpu/"):
        return where.start.of_flag("-cpu") if where.start is not None else None
    changes = (*told.there.because, *told.there.changes) if told.there is not None else ()
    about = next((one.where for one in changes if describe_change(one) == mend.why), "")
    return where.of_device(about)


def told_mend(mend: Mend, told: Upgraded, xml: str, where: UpgradePlaces) -> MendTold:
    """A change as it is shown, with the line that it makes of one of the ``xml``."""
    line = line_in_xml(place_of_mend(mend, told, where))
    lines = xml.split("\n")
    before, after = "", mend.xml
    if not mend.xml:
        before = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        after = _with_attribute(before, mend)
    return MendTold(
        mend.path,
        mend.value,
        mend.why,
        mend.verdict.value,
        mend.ground,
        mend.restarts,
        mend.there.value if mend.there is not None else "",
        line,
        shortened(before) if after else "",
        shortened(after),
    )


def _with_attribute(line: str, mend: Mend) -> str:
    """A line of XML with an attribute that has another value, or is new; empty where that cannot be told."""
    element, _, attribute = mend.path.rpartition("/@")
    element, value = element.rpartition("/")[2], xml_text(mend.value)
    has = re.compile(rf"(\s{re.escape(attribute)}\s*=\s*)(?:'[^']*'|\"[^\"]*\")")
    found, count = has.subn(lambda match: f"{match[1]}'{value}'", line, count=1)
    if count:
        return found
    found, count = re.subn(rf"<{re.escape(element)}\b", lambda tag: f"{tag[0]} {attribute}='{value}'", line, count=1)
    return found if count else ""
