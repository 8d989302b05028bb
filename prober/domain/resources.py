"""What whoever starts QEMU has to prepare before, or to do after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.options import Option, Plain, Raw
from prober.commandline.prepared import find_needs
from prober.domain.translation import Resource


def find_resources(written: Iterable[tuple[Option | Raw, int]]) -> Iterator[Resource]:
    """All of them, in the order of the argv; each option comes with the index of its flag."""
    for option, flag in written:
        word = flag if isinstance(option, Plain) and option.value is None else flag + 1
        for need, key, text in find_needs(option):
            yield Resource(kind=need.kind, name=need.name, todo=need.todo, word=word, key=key, value=text)
