"""What completing makes of a domain is a domain that might have been read.

``Element.replace`` asks neither types nor rules: it would cost every domain what only a mistake of ours can break.  So
all cases are asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter

from prober.host.host import Host
from prober.translate.read import read_domain
from prober.translate.steps import complete_into
from prober.translate.target import find_target
from prober.xml.binding import Checked, Element, fields_of, per_class
from tests.cases.test_cases import HERE, capabilities, case_of, expectations

#: Fields that are not of the element's own.
_LINKS = ("places", "parent")


@per_class
def type_of(cls: type[Element], name: str) -> TypeAdapter[Any]:
    """The type of a field, with all that reads it."""
    return TypeAdapter(fields_of(cls)[name].kind, config=ConfigDict(arbitrary_types_allowed=True))


def elements_of(element: Element) -> Iterator[Element]:
    """An element, and all that are in it."""
    yield element
    for name in fields_of(type(element)):
        value = None if name in _LINKS else getattr(element, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Element):
                yield from elements_of(item)


def made_fields(element: Element) -> Iterator[tuple[str, Any]]:
    """What neither the XML gave nor the class."""
    for name, info in fields_of(type(element)).items():
        value = getattr(element, name)
        if name not in _LINKS and not element.given(name) and value != info.default:
            yield name, value


@pytest.mark.parametrize(
    "path", [path for path in expectations() if path.suffix == ".argv"], ids=lambda path: path.name
)
def test_what_completing_makes_keeps_types_and_rules(path: Any) -> None:
    name, binary = case_of(path)
    domain = read_domain((HERE / f"{name}.xml").read_bytes())
    caps = capabilities(binary)
    completed = complete_into([], domain, find_target(domain, caps, None, Host()))
    for element in elements_of(completed):
        if isinstance(element, Checked):
            assert list(element.rules()) == [], type(element)
        for field, value in made_fields(element):
            assert type_of(type(element), field).validate_python(value) == value, (type(element), field)
