"""How a class is made from what an XML gives of it: worked out once, when the first of the class is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from prober.xml.binding import Element, Places, assemble, element_fields, leaf_type, shape_of

E = TypeVar("E", bound=Element)

#: A field whose value does not fit, with what pydantic says of it; None where the value is missing.
Fault: TypeAlias = tuple[str, ErrorDetails | None]


class Plan(Generic[E]):
    """Reads one class: what its XML may hold, and how each field is converted.

    pydantic converts and checks field by field.  Its validator of a whole model looks at each field and fills in
    those that are not given, which took a fifth of the time of reading: a disk has 66 fields, and an XML gives seven.
    Here a copy of the defaults takes what is given.
    """

    def __init__(self, cls: type[E]) -> None:
        self.shape = shape_of(cls)
        self._cls = cls
        # A required field holds its place in the order of the fields.
        self._defaults = {
            name: None if info.is_required() else info.get_default(call_default_factory=True)
            for name, info in cls.model_fields.items()
        }
        self._required = [name for name, info in cls.model_fields.items() if info.is_required()]
        self._converters = _Converters(cls)
        self._order = {name: index for index, name in enumerate(cls.model_fields)}

    def convert(self, values: dict[str, Any]) -> list[Fault]:
        """Convert what is given, in place; the faults, in the order of the class's fields."""
        faults: list[Fault] = []
        converters = self._converters
        for name, value in values.items():
            convert = converters[name]
            if convert is None:
                continue
            try:
                values[name] = convert(value)
            except ValidationError as error:
                faults += [(name, detail) for detail in error.errors(include_url=False)]
        faults += [(name, None) for name in self._required if name not in values]
        if faults:
            faults.sort(key=lambda fault: self._order[fault[0]])
        return faults

    def make(self, values: dict[str, Any], places: Places) -> E:
        """An element of what was converted without a fault; its own rules are still to be asked."""
        fields = {**self._defaults, **values}
        fields["places"] = places
        return assemble(self._cls, fields)


@cache
def plan_of(cls: type[E]) -> Plan[E]:
    """The plan of a class."""
    return Plan(cls)


class _Converters(dict[str, Callable[[Any], Any] | None]):
    """What converts each field of a class, made when the first XML gives it; None for what is read already."""

    def __init__(self, cls: type[Element]) -> None:
        self._fields = cls.model_fields
        for name in element_fields(cls):
            self[name] = tuple if get_origin(leaf_type(self._fields[name].annotation)) is tuple else None

    def __missing__(self, name: str) -> Callable[[Any], Any] | None:
        info = self._fields[name]
        kind: Any = Annotated[info.annotation, *info.metadata]
        convert = self[name] = TypeAdapter(kind).validator.validate_python
        return convert
