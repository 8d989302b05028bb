"""Elements made of texts, as the reader makes them."""

from __future__ import annotations

from typing import Any, TypeVar

from prober.xml.binding import NOWHERE, Checked, Element, Places
from prober.xml.plan import plan_of

E = TypeVar("E", bound=Element)


def element_of(cls: type[E], /, **values: Any) -> E:
    """An element of these texts, read and checked as those of an XML are; None is what the XML does not give.

    :raise ValueError: with the first thing that is wrong.
    """
    plan = plan_of(cls)
    values = {name: value for name, value in values.items() if value is not None}
    for broken in plan.convert(values):
        raise broken
    element = plan.make(values, Places(fields=dict.fromkeys(values, NOWHERE)))
    for broken in element.rules() if isinstance(element, Checked) else ():
        raise ValueError(broken)
    return element
