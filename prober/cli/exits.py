"""The exit codes, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

from prober.errors import ProberError, RecordingError, RefusedError, StateFileError, UsageError


class ExitCode(IntEnum):
    """How a command ended.  ``absent`` and ``unknown`` are answers of ``prober supports``, not failures."""

    ok = 0
    absent = 1
    usage = 2
    refused = 3
    unknown = 4
    failed = 5
    #: 128 + SIGINT and 128 + SIGPIPE, as a shell shows a command that such a signal ended.
    interrupted = 130
    broken_pipe = 141


def exit_code(error: ProberError) -> ExitCode:
    """Usage and unreadable input: 2.  A refused domain, or guest's state: 3.  All that QEMU or the service did: 5."""
    match error:
        case UsageError() | RecordingError():
            return ExitCode.usage
        case RefusedError() | StateFileError():
            return ExitCode.refused
        case _:
            return ExitCode.failed
