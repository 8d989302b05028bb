"""What of libvirt's names prober does not understand: those of ``tools/libvirt_names.txt`` held against the models."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prober.devices.rows import READ_AS
from prober.xml.binding import Element, fields_of
from prober.xml.shape import Child, Shape, shape_of
from tools.schema import RELEASE, read_names

#: How many parts of a path lead to a device, and how many devices a row names.
_DEVICE, _FEW = 2, 6


@dataclass(frozen=True, slots=True)
class Where:
    """What a path leads to in the models: shapes, each of the class that has the fields which it names."""

    shapes: tuple[tuple[type[Element], Shape], ...]
    #: The attribute that chooses a class, and its words.
    tags: Mapping[str, frozenset[str]]
    #: Whether it is claimed whole, and not looked into.
    is_opaque: bool = False

    def child(self, name: str) -> Where | None:
        """The element of this name in it; None where it is not understood."""
        found = [(cls, shape.children[name]) for cls, shape in self.shapes if name in shape.children]
        if not found:
            return None
        inner = [_where(cls, child) for cls, child in found]
        tags: dict[str, frozenset[str]] = {}
        for one in inner:
            for tag, words in one.tags.items():
                tags[tag] = tags.get(tag, frozenset()) | words
        return Where(tuple(pair for one in inner for pair in one.shapes), tags, any(one.is_opaque for one in inner))

    def words(self, attribute: str) -> frozenset[str] | None:
        """The words that an attribute may be; empty for others than words, None where it is not understood."""
        known: list[frozenset[str]] = [self.tags[attribute]] if attribute in self.tags else []
        for cls, shape in self.shapes:
            if attribute in shape.attributes:
                known.append(_words(fields_of(cls)[shape.attributes[attribute]].kind))
        if not known:
            return None
        if any(not words for words in known):
            return frozenset()
        return frozenset().union(*known)


def _where(cls: type[Element], child: Child) -> Where:
    if child.model is not None:
        return of_model(child.model)
    if child.shape is not None:
        return Where(((cls, child.shape),), {})
    return Where((), {}, is_opaque=child.opaque)


def of_model(model: type[Element]) -> Where:
    """A class, with all those that one of its attributes chooses among."""
    if not model.tag:
        return Where(((model, shape_of(model)),), {})
    inner = [of_model(choice) for choice in model.choices.values()]
    return Where(
        tuple(pair for one in inner for pair in one.shapes),
        {
            **{tag: words for one in inner for tag, words in one.tags.items()},
            model.tag: frozenset(word for word in model.choices if word),
        },
    )


def _words(kind: Any) -> frozenset[str]:
    """The words of a type that has nothing else; empty for any other."""
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        return frozenset(map(str, typing.get_args(kind)))
    if origin is typing.Annotated:
        return _words(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        parts = [_words(part) for part in typing.get_args(kind) if part is not type(None)]
        return frozenset().union(*parts) if all(parts) else frozenset()
    return frozenset()


def find_refused(names: Mapping[str, frozenset[str]] | None = None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each path that is not understood, once for all that is below it; and of attributes those words that are not."""
    domain = of_model(READ_AS)
    known: dict[tuple[str, ...], Where | None] = {(): domain}
    for path, words in (names if names is not None else read_names()).items():
        *above, last = path.split("/")
        where = known.get(tuple(above))
        if where is None or where.is_opaque:
            continue  # said above, or not looked into
        if not last.startswith("@"):
            found = where.child(last)
            known[(*above, last)] = found
            if found is None:
                yield path, ()
            continue
        own = where.words(last[1:])
        if own is None:
            yield path, ()
        elif own and words - own:
            yield path, tuple(sorted(words - own))


def refused_table() -> Iterator[str]:
    """The section of docs/domain-xml.md; what several devices have alike is one row."""
    rows: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for path, words in find_refused():
        parts = path.split("/")
        if parts[0] == "devices" and len(parts) > _DEVICE:
            rows.setdefault(("/".join(parts[_DEVICE:]), words), []).append(f"`<{parts[1]}>`")
        else:
            rows.setdefault((path, words), [])
    yield from ("", f"## What libvirt {RELEASE} has besides", "")
    yield from (
        "Names of libvirt's own schema that are not understood here, and refused: elements with all that is in them,",
        "attributes, and of an attribute that is understood the words that are not. Most of it is for other",
        "hypervisors, other machines than x86's, or containers.",
        "",
    )
    yield from ("| name | words | in |", "| --- | --- | --- |")
    for (path, words), devices in sorted(rows.items()):
        named = ", ".join(sorted(devices)) if len(devices) <= _FEW else f"{len(devices)} devices"
        yield f"| `{path}` | {', '.join(f'`{word}`' for word in words)} | {named} |"


if __name__ == "__main__":
    for path, words in find_refused():
        print(path, *words)
