"""From an element tree to models: every value converted, every unclaimed name refused, all at once."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from lxml import etree

from prober.commandline.refusal import MOST_OF_A_KIND, Broken, Note, Place, Refusal, and_more
from prober.xml.binding import Checked, Element, Given, Places
from prober.xml.plan import plan_of, short
from prober.xml.shape import Child, Shape

E = TypeVar("E", bound=Element)

#: The namespace of what is meant for QEMU and not for libvirt, as lxml writes it before a name.
_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"

#: How many refusals of one document get a hint.
_HINTS = 100


class _Found:
    """What an XML gives of one model: values and their places by field, and the fields whose element was refused."""

    __slots__ = ("failed", "places", "values")

    def __init__(self, places: dict[str, Given], failed: set[str]) -> None:
        self.values: dict[str, Any] = {}
        self.places = places
        self.failed = failed


class Reader:
    """Reads one document.  ``refusals`` and ``notes`` grow as it goes; the order is the document's.

    ``ignore_unknown`` makes notes of what is not understood.
    """

    def __init__(self, *, ignore_unknown: bool = False) -> None:
        self.refusals: list[Refusal] = []
        self.notes: list[Note] = []
        self._ignore_unknown = ignore_unknown
        self._told: dict[str, int] = {}
        self._beyond: dict[str, Place] = {}

    def read(self, cls: type[E], root: etree._Element, path: str) -> E | None:
        """The model of an element, or None where a refusal stands against it."""
        return self._read(cls, root, Place(_line(root), path))

    def _read(self, cls: type[E], node: etree._Element, own: Place) -> E | None:
        model = self._choose(cls, node, own) if cls.tag else cls
        if model is None:
            return None
        plan = plan_of(model)
        found = _Found({}, set())
        self._fill(plan.shape, node, own, found)
        values, places = found.values, Places(own, found.places)
        unfit = plan.convert(values)
        if unfit:
            for one in unfit:
                if one.field not in found.failed:
                    self._add(one.at(places.at))
            return None
        element = plan.make(values, places)
        if isinstance(element, Checked) and not self._keeps_rules(element, places, str(node.tag)):
            return None
        return element

    def _keeps_rules(self, element: Checked, places: Places, tag: str) -> bool:
        """Whether an element keeps its own rules: what does not hold is refused, and what comes to nothing told."""
        kept = True
        for one in element.rules():
            self._add(one.at(places.at, tag))
            kept = False
        if kept and type(element).remarks is not Checked.remarks:
            self._note_all(element.remarks(), places, tag)
        return kept

    def _note_all(self, said: Iterable[Broken], places: Places, tag: str) -> None:
        for one in said:
            found = one.at(places.at, tag)
            if self._counts(found.rule, found.place):
                self.notes.append(found.noted())

    def refuse(self, place: Place, message: str, hint: str = "", *, rule: str) -> None:
        """Add a refusal that no capability stands behind."""
        self._add(Refusal(place=place, message=message, hint=hint, rule=rule))

    def all_refusals(self) -> list[Refusal]:
        """Everything that was refused, in the order of the lines; of many of one kind the first, and how many more."""
        more = (self._and_more(rule) for rule in self._beyond if not self._is_noted(rule))
        return sorted((*self.refusals, *more), key=lambda refusal: refusal.place.line)

    def all_notes(self) -> list[Note]:
        """Everything that is only told, likewise."""
        more = (self._and_more(rule).noted() for rule in self._beyond if self._is_noted(rule))
        return sorted((*self.notes, *more), key=lambda note: note.place.line)

    def _and_more(self, rule: str) -> Refusal:
        return and_more(self._told[rule] - MOST_OF_A_KIND, self._beyond[rule])

    def _is_noted(self, rule: str) -> bool:
        return (rule == _UNKNOWN and self._ignore_unknown) or any(note.rule == rule for note in self.notes)

    def _add(self, refusal: Refusal) -> None:
        if self._counts(refusal.rule, refusal.place):
            self.refusals.append(refusal)

    def _counts(self, rule: str, place: Place) -> bool:
        """Whether one more of this kind is told."""
        told = self._told[rule] = self._told.get(rule, 0) + 1
        if told > MOST_OF_A_KIND:
            self._beyond.setdefault(rule, place)
        return told <= MOST_OF_A_KIND

    def _refuse_unknown(self, place: Place, message: str, hint: str) -> None:
        """What is not understood, and was counted: where thousands are not, nothing is made for most of them."""
        refusal = Refusal(place=place, message=message, hint=hint, rule=_UNKNOWN)
        if self._ignore_unknown:
            self.notes.append(refusal.noted("left out, as it is "))
        else:
            self.refusals.append(refusal)

    def _nearest(self, name: str, known: Iterable[str]) -> str:
        """The hint for a name that is not understood: the nearest that is.

        Looking takes 0.1 ms, and a document may have thousands of such names: the first ones get it.
        """
        if len(self.refusals) + len(self.notes) >= _HINTS:
            return ""
        near = get_close_matches(name[:64], list(known), n=1, cutoff=0.7)
        return f"did you mean {near[0]}?" if near else ""

    def _choose(self, cls: type[E], node: etree._Element, own: Place) -> type[E] | None:
        """The class for this element, where one element name stands for several."""
        while cls.tag:
            value = node.get(cls.tag)
            choice = cls.choices.get(value if value is not None else "")
            if choice is None:
                if value is None:
                    known = ", ".join(name for name in cls.choices if name)
                    message, hint = f"<{node.tag}> needs the attribute {cls.tag}", f"understood are {known}"
                    self.refuse(own, message, hint, rule="xml/missing")
                else:
                    message = f"<{node.tag} {cls.tag}={value!r}> is not understood"
                    hint = self._nearest(value, cls.choices)
                    self.refuse(own.attribute(cls.tag), message, hint, rule="xml/no-such-kind")
                return None
            cls = cast(type[E], choice)
        return cls

    def _fill(self, shape: Shape, node: etree._Element, own: Place, found: _Found) -> None:
        """Everything in one element: attributes, text, children; containers are entered in turn."""
        known, values, places = shape.attributes, found.values, found.places
        untyped: Any = node  # The stubs know neither slices, three times as fast as list(), nor that all names are str.
        # Values are asked for one by one: items() looks for each from the first on, known or not.
        names: list[str] = untyped.keys()
        for name in names:
            claimed = known.get(name)
            if claimed is not None:
                values[claimed], places[claimed] = untyped.get(name), (own, name)
            elif self._counts(_UNKNOWN, own):
                message = f"not understood: attribute {name} of <{_name(node)}>"
                self._refuse_unknown(own.attribute(name), message, self._nearest(name, known))
        for name in shape.required:
            if name not in node.attrib:
                self.refuse(own, f"attribute {name} is missing", rule="xml/missing")
        children: list[etree._Element] = untyped[:] if len(node) else _NONE
        if children or shape.text is not None or node.text:
            self._fill_text(shape, node, children, own, found)
        if children:
            self._fill_children(shape.children, children, own, found)

    def _fill_text(
        self, shape: Shape, node: etree._Element, children: list[etree._Element], own: Place, found: _Found
    ) -> None:
        text = node.text or ""
        if children:
            text += "".join([child.tail or "" for child in children])
        if shape.text is not None:
            found.values[shape.text], found.places[shape.text] = text, own
        elif text and not text.isspace() and self._counts(_UNKNOWN, own):
            self._refuse_unknown(own, f"not understood: the text {short(text.strip())!r} in <{_name(node)}>", "")

    def _fill_children(
        self, claims: dict[str, Child], children: list[etree._Element], own: Place, found: _Found
    ) -> None:
        tags = [child.tag for child in children]
        single: dict[str, Place] = {}
        for child, tag, place in zip(children, tags, _places(children, tags, own.path), strict=True):
            known = _known(tag) if tag[0] == "{" else tag
            claim = claims.get(known)
            if claim is None:
                if known in _PRIVATE:
                    if self._counts(_OF_LIBVIRT, place):
                        message = f"<{known}> is libvirt's own note of a running guest, and nothing comes of it"
                        self.notes.append(Note(place=place, message=message, rule=_OF_LIBVIRT))
                elif self._counts(_UNKNOWN, place):
                    message = f"not understood: element <{_name(child)}>"
                    self._refuse_unknown(place, message, self._nearest(known, claims))
            elif claim.many or known not in single:
                single[known] = place
                self._fill_child(claim, child, place, found)
            else:
                message = f"<{_name(child)}> is given twice, first in line {single[known].line}"
                self.refuse(place, message, "keep one", rule="xml/twice")

    def _fill_child(self, claim: Child, node: etree._Element, place: Place, found: _Found) -> None:
        name = claim.field
        if claim.model is not None:
            assert name is not None
            found.places.setdefault(name, place)
            model = self._read(claim.model, node, place)
            if model is None:
                found.failed.add(name)
            if claim.many:
                found.values.setdefault(name, []).extend([model] if model is not None else [])
            elif model is not None:
                found.values[name] = model
        elif claim.shape is None:
            assert name is not None
            found.values[name], found.places[name] = str(node.tag) if claim.opaque else True, place
            if claim.flag:
                self._fill(_EMPTY, node, place, _Found({}, found.failed))
        elif claim.many:
            assert name is not None
            one = _Found(found.places, found.failed)
            self._fill(claim.shape, node, place, one)
            found.values.setdefault(name, []).append(one.values.get(name, ""))
        else:
            self._fill(claim.shape, node, place, found)


_UNKNOWN, _OF_LIBVIRT = "xml/not-understood", "xml/of-libvirt"

#: What libvirt keeps in its files of running guests, and no domain is made of (``virDomainDiskDefFormatPrivateData``
#: and ``virDomainActualNetDefFormat``).
_PRIVATE = frozenset(("privateData", "actual"))

#: What an element may hold that says something by being there.
_EMPTY = Shape()

#: The children of most elements.
_NONE: list[etree._Element] = []


def _places(nodes: list[etree._Element], tags: list[str], path: str) -> list[Place]:
    """Where the children of an element stand: ``/disk[2]`` where there are several of a name."""
    names = [_name(node) if tag[0] == "{" else tag for node, tag in zip(nodes, tags, strict=True)]
    if len(set(tags)) < len(tags):
        names = _numbered(names, tags)
    return [Place(_line(node), f"{path}/{name}") for node, name in zip(nodes, names, strict=True)]


def _numbered(names: list[str], tags: list[str]) -> list[str]:
    """The names, each that comes more than once with its number."""
    positions: dict[str, list[int]] = {}
    for position, tag in enumerate(tags):
        positions.setdefault(tag, []).append(position)
    numbered = list(names)
    for several in positions.values():
        if len(several) > 1:
            for number, position in enumerate(several, start=1):
                numbered[position] += f"[{number}]"
    return numbered


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


def _line(node: etree._Element) -> int:
    line: Any = node.sourceline  # None in a tree that was not parsed; the stubs say otherwise
    return line or 0
