"""The file that node-feature-discovery reads labels from."""

from __future__ import annotations

from collections.abc import Iterable

from prober.errors import UsageError

#: What stands before the names of prober's own labels.
OWN = "prober.dev/"

#: The most bytes that it reads of a file (``source/local/local.go``, ``MaxFeatureFileSize``).
MOST_BYTES = 65536


def feature_file(labels: Iterable[tuple[str, str]]) -> str:
    """Names and values as node-feature-discovery reads them from a file in ``features.d``: ``name=value``, a line each.

    No line is a comment, which older ones take for a label.

    :raise UsageError: where it would not read so large a file.
    """
    text = "".join(f"{name}={value}\n" for name, value in labels)
    if len(text.encode()) > MOST_BYTES:
        raise UsageError(
            f"the labels take {len(text.encode())} bytes, and node-feature-discovery reads at most {MOST_BYTES}"
        )
    return text
