"""From an element tree to models: every value converted, every unclaimed name refused, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from lxml import etree
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from prober.commandline.refusal import Place, Refusal
from prober.domain.binding import At, Child, Element, Places, RulesBroken, Shape, shape_of

E = TypeVar("E", bound=Element)

#: The namespace of what is meant for QEMU and not for libvirt, as lxml writes it before a name.
_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"

#: How many refusals of one document get a hint.
_HINTS = 100


class Reader:
    """Reads one document.  ``refusals`` grows as it goes; the order is the document's."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def read(self, cls: type[E], node: etree._Element, path: str) -> E | None:
        """The model of an element, or None where a refusal stands against it."""
        model = self._choose(cls, node, path)
        if model is None:
            return None
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        own = _place(node, path)
        failed: set[str] = set()
        self._fill(shape_of(model), node, path, values, places, failed)
        values["places"] = Places(own, places)
        try:
            return model.model_validate(values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._refuse_value(model, detail, own, places, failed)
            return None

    def refuse(self, place: Place, message: str, hint: str = "") -> None:
        """Add a refusal that no capability stands behind."""
        self.refusals.append(Refusal(place=place, message=message, hint=hint))

    def _nearest(self, name: str, known: Iterable[str]) -> str:
        """The hint for a name that is not understood: the nearest that is.

        Looking takes 0.1 ms, and a document may have thousands of such names: the first ones get it.
        """
        if len(self.refusals) >= _HINTS:
            return ""
        near = get_close_matches(name[:64], list(known), n=1, cutoff=0.7)
        return f"did you mean {near[0]}?" if near else ""

    def _choose(self, cls: type[E], node: etree._Element, path: str) -> type[E] | None:
        """The class for this element, where one element name stands for several."""
        while cls.tag:
            value = node.get(cls.tag)
            choice = cls.choices.get(value if value is not None else "")
            if choice is None:
                place = _place(node, path if value is None else f"{path}/@{cls.tag}")
                if value is None:
                    known = ", ".join(name for name in cls.choices if name)
                    self.refuse(place, f"<{node.tag}> needs the attribute {cls.tag}", f"understood are {known}")
                else:
                    self.refuse(
                        place, f"<{node.tag} {cls.tag}={value!r}> is not understood", self._nearest(value, cls.choices)
                    )
                return None
            cls = cast(type[E], choice)
        return cls

    def _fill(
        self,
        shape: Shape,
        node: etree._Element,
        path: str,
        values: dict[str, Any],
        places: dict[str, Place],
        failed: set[str],
    ) -> None:
        """Everything in one element: attributes, text, children; containers are entered in turn."""
        line, known = _line(node), shape.attributes
        for name, value in node.items():
            key = str(name)
            at = Place(line, f"{path}/@{key}")
            claimed = known.get(key)
            if claimed is None:
                self.refuse(at, f"not understood: attribute {key} of <{_name(node)}>", self._nearest(key, known))
            else:
                values[claimed], places[claimed] = value, at
        for name in shape.required:
            if name not in node.attrib:
                self.refuse(_place(node, path), f"attribute {name} is missing")
        children, text = list(node), node.text
        if children or text or shape.text is not None:
            self._fill_text(shape, node, children, path, values, places)
        if not children:
            return
        seen: dict[str, int] = {}
        claims = shape.children
        for child, tag, child_path in _children(children, path):
            claim = claims.get(tag)
            if claim is None:
                hint = self._nearest(tag, claims)
                self.refuse(_place(child, child_path), f"not understood: element <{_name(child)}>", hint)
                continue
            if not claim.many:
                if tag in seen:
                    message = f"<{_name(child)}> is given twice, first in line {seen[tag]}"
                    self.refuse(_place(child, child_path), message, "keep one")
                    continue
                seen[tag] = _line(child)
            self._fill_child(claim, child, child_path, values, places, failed)

    def _fill_text(
        self,
        shape: Shape,
        node: etree._Element,
        children: list[etree._Element],
        path: str,
        values: dict[str, Any],
        places: dict[str, Place],
    ) -> None:
        text = node.text or ""
        if children:
            text += "".join([child.tail or "" for child in children])
        if shape.text is not None:
            values[shape.text], places[shape.text] = text, _place(node, path)
        elif text and not text.isspace():
            self.refuse(_place(node, path), f"not understood: the text {_short(text.strip())!r} in <{_name(node)}>")

    def _fill_child(
        self,
        claim: Child,
        node: etree._Element,
        path: str,
        values: dict[str, Any],
        places: dict[str, Place],
        failed: set[str],
    ) -> None:
        name = claim.field
        if claim.opaque:
            assert name is not None
            values[name], places[name] = str(node.tag), _place(node, path)
        elif claim.flag:
            assert name is not None
            values[name], places[name] = True, _place(node, path)
            self._fill(Shape(), node, path, {}, {}, failed)
        elif claim.model is not None:
            assert name is not None
            places.setdefault(name, _place(node, path))
            model = self.read(claim.model, node, path)
            if claim.many:
                values.setdefault(name, [])
            if model is None:
                failed.add(name)
            elif claim.many:
                values[name].append(model)
            else:
                values[name] = model
        else:
            assert claim.shape is not None
            if claim.many:
                one: dict[str, Any] = {}
                self._fill(claim.shape, node, path, one, places, failed)
                assert name is not None
                values.setdefault(name, []).append(one.get(name, ""))
            else:
                self._fill(claim.shape, node, path, values, places, failed)

    def _refuse_value(
        self, model: type[Element], detail: ErrorDetails, own: Place, places: dict[str, Place], failed: set[str]
    ) -> None:
        """One fault that pydantic found, as a refusal at the place of the value."""
        context = detail.get("ctx", {})
        cause = context.get("error")
        if isinstance(cause, RulesBroken):
            for name, sentence in cause.broken:
                self.refuse(places.get(name, own), sentence)
            return
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if name in failed:
            return
        place = places.get(name, own)
        if detail["type"] == "missing":
            self.refuse(own, f"{_where(model, name)} is missing")
            return
        value = _short(str(detail["input"]))
        if cause is not None:
            self.refuse(place, f"{value!r} {cause}")
        elif detail["type"] == "literal_error":
            self.refuse(place, f"{value!r} is not understood", f"understood are {context['expected']}")
        else:
            self.refuse(place, f"{value!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}")


def _children(children: list[etree._Element], path: str) -> Iterator[tuple[etree._Element, str, str]]:
    """The child elements with the names that models have for them, and their paths: ``/disk[2]`` where there are
    several of a name."""
    tags = [str(child.tag) for child in children]
    totals = Counter(tags) if len(set(tags)) < len(tags) else {}
    counts: dict[str, int] = {}
    for child, tag in zip(children, tags, strict=True):
        known = name = tag
        if tag.startswith("{"):
            known, name = _known(tag), _name(child)
        if totals and totals[tag] > 1:
            number = counts[tag] = counts.get(tag, 0) + 1
            yield child, known, f"{path}/{name}[{number}]"
        else:
            yield child, known, f"{path}/{name}"


def _known(tag: str) -> str:
    """The name that models have for an element: that of QEMU's namespace begins with ``qemu:``, whatever its prefix."""
    return f"qemu:{tag.removeprefix(_QEMU)}" if tag.startswith(_QEMU) else tag


def _name(node: etree._Element) -> str:
    """The name as it was written, with its prefix (``qemu:commandline``)."""
    name = str(node.tag)
    if not name.startswith("{"):
        return name
    name = etree.QName(node).localname
    return f"{node.prefix}:{name}" if node.prefix else name


def _place(node: etree._Element, path: str) -> Place:
    return Place(_line(node), path)


def _line(node: etree._Element) -> int:
    line: Any = node.sourceline  # None in a tree that was not parsed; the stubs say otherwise
    return line or 0


def _where(model: type[Element], name: str) -> str:
    """A field by its XML: ``attribute type``, ``<source file=…>``, ``<name>``."""
    path = next((mark.path for mark in model.model_fields[name].metadata if isinstance(mark, At)), name)
    parent, _, leaf = path.rpartition("/")
    if not leaf.startswith("@"):
        return f"<{leaf}>" if leaf != "." else "the text"
    return f"<{parent} {leaf[1:]}=…>" if parent else f"attribute {leaf[1:]}"


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
