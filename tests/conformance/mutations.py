"""Nothing is dropped: each element and attribute of a domain taken away or renamed, and what becomes of the argv.

A name that is not understood is refused wherever it stands, so a renamed part must be.  A part that is taken away must
change the argv or be refused; where it does neither it said what holds anyhow (then another value of it changes the
argv), or it is marked as without effect (``Neutral``), or it is on the reviewed list of this test.
"""

from __future__ import annotations

import copy
import re
import typing
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from prober.capabilities.capabilities import Capabilities
from prober.errors import RefusedError, UnreadableDomainError
from prober.host.host import Host
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.xml.binding import Element, Field, Neutral, fields_of
from tests.conformance.storage import pools_of
from tests.conformance.suite import MONITOR, networks_of

Outcome = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Part:
    """One element (``attribute`` empty) or attribute of a document; ``path`` is the reader's for it."""

    path: str
    steps: tuple[int, ...]
    attribute: str = ""

    @property
    def name(self) -> str:
        """The path without positions."""
        return re.sub(r"\[\d+\]", "", self.path)


class Mutant:
    """One domain for one QEMU, and the argv that it comes to unharmed."""

    def __init__(self, xml: bytes, caps: Capabilities, host: Host) -> None:
        self.root = etree.fromstring(xml, etree.XMLParser(remove_comments=True, resolve_entities=False))
        self.caps = caps
        self.host = host
        domain = read_domain(xml)
        self.claims = dict(_claims(domain))
        self.neutral = set(_neutral(domain))
        self.argv = self.translate(self.root)

    def translate(self, root: etree._Element) -> Outcome:
        """The argv and all that stands beside it, or None for a refusal."""
        try:
            domain = read_domain(etree.tostring(root))
            if domain.not_understood:
                # What is left of it would be translated for the sake of all other refusals.
                return None
            done = translate(
                domain,
                self.caps,
                binary=str(root.findtext("devices/emulator")),
                monitor=MONITOR,
                host=self.host.model_copy(update={"networks": networks_of(domain), "pools": pools_of(domain)}),
                assume_unknown_present=True,
            )
        except (RefusedError, UnreadableDomainError):
            return None
        return (*done.argv, *(f"{item.kind} {item.name} {item.todo}" for item in done.resources))

    def is_neutral(self, part: Part) -> bool:
        """Whether a part, or one that it is in, is marked as without effect."""
        path = part.path
        while path:
            if path in self.neutral:
                return True
            path = path.rpartition("/")[0]
        return False

    def without(self, part: Part) -> etree._Element:
        """The document without a part."""
        root = copy.deepcopy(self.root)
        node = _find(root, part.steps)
        if part.attribute:
            del node.attrib[part.attribute]
        else:
            parent = node.getparent()
            assert parent is not None
            parent.remove(node)
        return root

    def renamed(self, part: Part) -> etree._Element:
        """The document with a name in it that nobody knows."""
        root = copy.deepcopy(self.root)
        node = _find(root, part.steps)
        if part.attribute:
            node.attrib["renamed"] = node.attrib.pop(part.attribute)
        else:
            node.tag = "renamed"
        return root

    def changed(self, part: Part, value: str) -> etree._Element:
        """The document with another value of an attribute, or another text of an element."""
        root = copy.deepcopy(self.root)
        node = _find(root, part.steps)
        if part.attribute:
            node.attrib[part.attribute] = value
        else:
            node.text = value
        return root

    def value(self, part: Part) -> str:
        """What stands there."""
        node = _find(self.root, part.steps)
        return str(node.attrib[part.attribute]) if part.attribute else (node.text or "")

    def others(self, part: Part) -> Iterator[str]:
        """Other values of the kind that a part takes."""
        value, claim = self.value(part), self.claims.get(part.path)
        if value in _FLIPPED:
            yield _FLIPPED[value]
        if _NUMBER.fullmatch(value.strip()):
            yield str(int(value, 0) + 1)
        if claim is not None:
            yield from (choice for choice in _choices(claim.kind) if choice != value)

    def is_only_choice(self, part: Part) -> bool:
        """Whether a part can have no other value: any other is refused."""
        claim = self.claims.get(part.path)
        return claim is not None and list(_choices(claim.kind)) == [self.value(part)]

    def fate(self, part: Part, seen: Collection[str]) -> str:
        """What shows that a part is not dropped, or nothing; ``seen`` are values that other domains have there."""
        if self.is_neutral(part):
            return "neutral"
        if self.translate(self.renamed(part)) == self.argv:
            return ""
        if self.translate(self.without(part)) != self.argv:
            return "changes"
        if self.is_only_choice(part):
            return "the only value"
        value = self.value(part)
        if not value.strip() and self._is_container(part):
            return "by what is in it"
        for other in [*self.others(part), *(text for text in seen if text != value)]:
            if self.translate(self.changed(part, other)) != self.argv:
                return "default"
        return ""

    def setting(self, part: Part) -> tuple[str, ...]:
        """What a part's fate hangs on: itself, the whole element of the domain that it is in, the machine and QEMU.

        Hundreds of domains have the same ``<memballoon model='none'/>``; on the same machine one of them is enough.
        """
        depth = 2 if part.path.startswith("/domain/devices/") else 1
        own = etree.tostring(_find(self.root, part.steps[:depth])).decode() if part.steps else self.value(part)
        machine = self.root.find("os/type")
        inner = ".".join(map(str, part.steps[depth:]))
        return part.name, inner, own, str(machine.get("machine") if machine is not None else ""), str(self.caps.version)

    def _is_container(self, part: Part) -> bool:
        """Whether a part is an element that says something only by its attributes and children, each a part itself."""
        node = _find(self.root, part.steps)
        return not part.attribute and bool(len(node) or node.attrib)

    def parts(self) -> Iterator[Part]:
        """Every element but the root, and every attribute."""
        return _parts(self.root, f"/{self.root.tag}", ())


def _parts(node: etree._Element, path: str, steps: tuple[int, ...]) -> Iterator[Part]:
    for name in map(str, node.attrib):
        yield Part(f"{path}/@{name}", steps, name)
    totals = Counter(child.tag for child in node)
    counts: Counter[Any] = Counter()
    for number, child in enumerate(node):
        counts[child.tag] += 1
        name = ":".join([*filter(None, [child.prefix]), etree.QName(child).localname])
        own = f"{path}/{name}[{counts[child.tag]}]" if totals[child.tag] > 1 else f"{path}/{name}"
        yield Part(own, (*steps, number))
        yield from _parts(child, own, (*steps, number))


def _find(root: etree._Element, steps: tuple[int, ...]) -> etree._Element:
    node = root
    for step in steps:
        node = node[step]
    return node


def _claims(element: Element) -> Iterator[tuple[str, Field]]:
    """Every path that a model claims, and its field."""
    fields = fields_of(type(element))
    for name in element.places.fields:
        yield element.place(name).path, fields[name]
    for name in fields:
        value = getattr(element, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Element):
                yield from _claims(item)


def _neutral(element: Element) -> Iterator[str]:
    """Every path that is marked as without effect: of one value, or of a whole element."""
    for name, info in fields_of(type(element)).items():
        value = getattr(element, name)
        inner = [item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Element)]
        if any(isinstance(mark, Neutral) for mark in info.marks):
            if name in element.places.fields:
                yield element.place(name).path
            yield from (item.place().path for item in inner)
        else:
            for item in inner:
                yield from _neutral(item)


_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[1-9][0-9]*|0")

#: Switches and units, and what each is turned to.
_FLIPPED = {"on": "off", "off": "on", "yes": "no", "no": "yes", "KiB": "MiB", "MiB": "KiB"}


def _choices(annotation: Any) -> Iterator[str]:
    """The words that a field may be, where they are counted out."""
    if typing.get_origin(annotation) is typing.Literal:
        yield from (str(value) for value in typing.get_args(annotation))
        return
    for inner in typing.get_args(annotation):
        yield from _choices(inner)
