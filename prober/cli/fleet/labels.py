"""The labels of a host, as options name them."""

from __future__ import annotations

from collections.abc import Iterable

from prober.errors import UsageError


def read_labels(words: Iterable[str]) -> dict[str, str]:
    """The labels in words like ``rack=7``; the last of one name counts.

    :raise UsageError: where a word is none.
    """
    labels = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word[:80]!r} is no label", hint="--label LABEL=VALUE")
        labels[key] = value
    return labels
