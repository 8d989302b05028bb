"""How whatever the command does ends: with its exit code, and every error in a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from prober.cli import output
from prober.cli.exits import ExitCode, exit_code
from prober.cli.streams import guarded_streams
from prober.errors import ProberError


def run_guarded(work: Callable[[], object]) -> None:
    """Do some work, with standard streams that end it as they should.

    An error ends with ``prober: message`` and ``hint: …`` on stderr, never with a traceback, unless the environment
    variable ``PROBER_DEBUG`` asks for one.

    :raise SystemExit: where it failed, and where the work raises it.
    """
    output.hush()
    with guarded_streams():
        _run(work)


def _run(work: Callable[[], object]) -> None:
    try:
        try:
            work()
        finally:
            sys.stdout.flush()
    except ProberError as error:
        if os.environ.get("PROBER_DEBUG"):
            raise
        output.complain(error.message, error.hint)
        raise SystemExit(exit_code(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.interrupted) from None
    except Exception as error:
        # The last net: an error that nobody foresaw is a mistake of ours, and still no reason for a traceback.
        if os.environ.get("PROBER_DEBUG"):
            raise
        output.complain(
            f"an error that was not foreseen: {type(error).__name__}: {error}",
            "this is a mistake in prober; PROBER_DEBUG=1 shows where it happened",
        )
        raise SystemExit(ExitCode.failed) from None
