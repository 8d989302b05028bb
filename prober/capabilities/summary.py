"""The counts of what differs between two answers about one binary, and the process that works them out.

``python -m prober.capabilities.summary``: two capabilities come in on its standard input, a line of JSON each, and a
summary goes out.
"""

from __future__ import annotations

import sys

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.changes import DifferenceSummary
from prober.capabilities.diff import diff
from prober.errors import ProberError


def summary_of(before: Capabilities, now: Capabilities) -> DifferenceSummary:
    """The counts of what differs.  Pure.

    :raise RecordingError: where a schema has not the form that QEMU gives it.
    """
    groups = diff(before, now).groups
    counts = {group.name: group.counts for group in groups if group.changes}
    return DifferenceSummary(before=str(before.version), now=str(now.version), counts=counts)


def _main() -> int:
    """Read two, write what differs."""
    try:
        before, now = (Capabilities.model_validate_json(line) for line in sys.stdin.buffer.read().split(b"\n"))
        sys.stdout.write(summary_of(before, now).model_dump_json())
    except (ValueError, ProberError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
