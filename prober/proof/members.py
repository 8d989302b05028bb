"""The members of an option's value, to be looked at and changed one by one; what is not changed stays as written.

An option's value is a JSON object, or ``key=value`` pairs whose keys may have dots.  Both are the same tree to whoever
asks: :meth:`Members.inner` goes down into it.  A pair keeps its spelling (``nowait``, a doubled comma) until it is set.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import JsonValue

from prober.commandline.render import escape
from prober.commandline.text import split_pairs

#: What a member can be set to.
Scalar: TypeAlias = "str | int | bool"


class Members(ABC):
    """One object of a tree."""

    @abstractmethod
    def names(self) -> list[str]:
        """The names of the members here, each once, in their order."""

    @abstractmethod
    def get(self, name: str) -> Scalar | None:
        """The scalar of this name; None where there is none, or an object or a list.

        In ``key=value`` it is a text always, and of several of one name the last.
        """

    @abstractmethod
    def set(self, name: str, value: Scalar) -> None:
        """Have one scalar of this name, in the place of all that was below it."""

    def put(self, name: str, value: Scalar) -> None:
        """Have one scalar of this name, and leave what is below it as it is (``file`` beside ``file.locking``)."""
        self.set(name, value)

    @abstractmethod
    def drop(self, name: str) -> None:
        """Have nothing of this name, nor below it."""

    @abstractmethod
    def inner(self, name: str) -> Members | None:
        """The object of this name, or the list of it (its names are the numbers); None where it is neither."""

    @abstractmethod
    def make(self, name: str) -> Members:
        """The object of this name, made where there is none, in the place of what else had the name."""

    @abstractmethod
    def value(self, name: str) -> JsonValue:
        """All of this name: a scalar, or in JSON an object or a list; None where there is nothing."""

    @abstractmethod
    def change_each(self, name: str, change: Callable[[str], str]) -> bool:
        """Change each text of this name, where a key may repeat or be a list (``hostfwd``); whether any is another."""

    def text(self, name: str) -> str:
        """The scalar of this name as QEMU writes it in ``key=value``; empty where there is none."""
        value = self.get(name)
        return "" if value is None else _word(value)

    def walk(self) -> Iterator[Members]:
        """This object and all below it."""
        yield self
        for name in self.names():
            below = self.inner(name)
            if below is not None:
                yield from below.walk()


def _word(value: Scalar) -> str:
    """A scalar as QEMU writes it in ``key=value``."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


class JsonMembers(Members):
    """The members of a JSON object or list."""

    def __init__(self, tree: dict[str, Any] | list[Any]) -> None:
        self.tree = tree

    def names(self) -> list[str]:
        """In their order, each once."""
        return [*self.tree] if isinstance(self.tree, dict) else [str(n) for n in range(len(self.tree))]

    def _at(self, name: str) -> Any:
        if isinstance(self.tree, dict):
            return self.tree.get(name)
        return self.tree[int(name)] if name.isdecimal() and int(name) < len(self.tree) else None

    def get(self, name: str) -> Scalar | None:
        """The scalar of this name."""
        value = self._at(name)
        return value if isinstance(value, str | int | bool) else None

    def value(self, name: str) -> JsonValue:
        """All of this name."""
        found: JsonValue = self._at(name)
        return found

    def set(self, name: str, value: Scalar) -> None:
        """Put a scalar in the place of all that is there."""
        if isinstance(self.tree, dict):
            self.tree[name] = value
        elif name.isdecimal() and int(name) < len(self.tree):
            self.tree[int(name)] = value

    def drop(self, name: str) -> None:
        """Leave this name out, with all below it."""
        if isinstance(self.tree, dict):
            self.tree.pop(name, None)
        elif name.isdecimal() and int(name) < len(self.tree):
            del self.tree[int(name)]

    def inner(self, name: str) -> Members | None:
        """The object or list of this name."""
        value = self._at(name)
        return JsonMembers(value) if isinstance(value, dict | list) else None

    def make(self, name: str) -> Members:
        """An object of this name, made where there is none."""
        value = self._at(name)
        if isinstance(value, dict):
            return JsonMembers(value)
        made: dict[str, Any] = {}
        if isinstance(self.tree, dict):
            self.tree[name] = made
        return JsonMembers(made)

    def change_each(self, name: str, change: Callable[[str], str]) -> bool:
        """Change each text of this name."""
        before = json.dumps(self._at(name))
        if isinstance(self.tree, dict) and name in self.tree:
            self.tree[name] = _change_texts(self.tree[name], change)
        return json.dumps(self._at(name)) != before

    def render(self) -> str:
        """As JSON."""
        return json.dumps(self.tree, separators=(",", ":"))


def _change_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A text, or the texts of a list; QAPI writes a list of texts as objects with a ``str`` (``qapi/common.json``)."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_change_texts(item, change) for item in value]
    if isinstance(value, dict) and isinstance(value.get("str"), str):
        return {**value, "str": change(value["str"])}
    return value


@dataclass(slots=True)
class Pair:
    """A key and its value, and how that was written; a first word that stands for its key is ``implied``."""

    key: str
    value: str
    spelling: str | None = None
    implied: bool = False

    def render(self) -> str:
        """As it was written, or as QEMU reads it."""
        if self.spelling is not None:
            return self.spelling
        return escape(self.value) if self.implied else f"{self.key}={escape(self.value)}"


@dataclass(slots=True)
class PairMembers(Members):
    """The members of ``key=value`` pairs below a prefix (empty, or ending in a dot)."""

    pairs: list[Pair] = field(default_factory=list)
    prefix: str = ""

    @classmethod
    def of(cls, text: str, implied: str) -> PairMembers:
        """Read what QEMU would read; ``implied`` is the key that a first word stands for, empty where for none."""
        pairs: list[Pair] = []
        for number, (key, value) in enumerate(split_pairs(text, implied)):
            if value is not None:
                is_word = number == 0 and key == implied != "" and not text.startswith(f"{implied}=")
                pairs.append(Pair(key, str(value), implied=is_word))
            elif key.startswith("no") and key != "no":
                pairs.append(Pair(key[2:], "off", key))
            elif key:
                pairs.append(Pair(key, "on", key))
        return cls(pairs)

    def _below(self) -> Iterator[Pair]:
        return (pair for pair in self.pairs if pair.key.startswith(self.prefix) and len(pair.key) > len(self.prefix))

    def names(self) -> list[str]:
        """In their order, each once."""
        cut = len(self.prefix)
        return list(dict.fromkeys(pair.key[cut:].partition(".")[0] for pair in self._below()))

    def get(self, name: str) -> Scalar | None:
        """The scalar of this name."""
        found = None
        for pair in self.pairs:
            if pair.key == self.prefix + name:
                found = pair.value
        return found

    def value(self, name: str) -> JsonValue:
        """All of this name."""
        return self.get(name)

    def set(self, name: str, value: Scalar) -> None:
        """Put a scalar in the place of all that is there."""
        key = self.prefix + name
        text = _word(value)
        places = [n for n, pair in enumerate(self.pairs) if pair.key == key or pair.key.startswith(f"{key}.")]
        first = self.pairs[places[0]] if places else None
        made = Pair(key, text, implied=first is not None and first.implied and first.key == key)
        if first is None:
            self.pairs.append(made)
        else:
            self.pairs[places[0]] = made
            for place in reversed(places[1:]):
                del self.pairs[place]

    def put(self, name: str, value: Scalar) -> None:
        """Put one scalar of this name, and leave what is below it."""
        key = self.prefix + name
        text = _word(value)
        places = [n for n, pair in enumerate(self.pairs) if pair.key == key]
        if not places:
            self.pairs.append(Pair(key, text))
        for place in places:
            self.pairs[place] = Pair(key, text, implied=self.pairs[place].implied)

    def drop(self, name: str) -> None:
        """Leave this name out, with all below it."""
        key = self.prefix + name
        # In place: other views look at the same list.
        self.pairs[:] = [pair for pair in self.pairs if pair.key != key and not pair.key.startswith(f"{key}.")]

    def inner(self, name: str) -> Members | None:
        """The object or list of this name."""
        prefix = f"{self.prefix}{name}."
        if not any(pair.key.startswith(prefix) for pair in self.pairs):
            return None
        return PairMembers(self.pairs, prefix)

    def make(self, name: str) -> Members:
        """An object of this name, made where there is none."""
        return PairMembers(self.pairs, f"{self.prefix}{name}.")

    def change_each(self, name: str, change: Callable[[str], str]) -> bool:
        """Change each text of this name."""
        is_other = False
        for pair in self.pairs:
            if pair.key == self.prefix + name and (value := change(pair.value)) != pair.value:
                pair.value, pair.spelling, is_other = value, None, True
        return is_other

    def all(self, name: str) -> list[str]:
        """The values of all pairs of this name, where a key may repeat (``hostfwd``)."""
        return [pair.value for pair in self.pairs if pair.key == self.prefix + name]

    def render(self) -> str:
        """As ``key=value``."""
        return ",".join(pair.render() for pair in self.pairs)
