"""How the shells ask: no error, no traceback and no waiting, whatever is typed."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

#: So long may it take (seconds); then nothing is offered.
_AT_MOST = 10.0


class _TooLateError(BaseException):
    """The time is over."""


def offer(how: str) -> None:
    """Print what may stand there: ``how`` is ``line`` (the second word is what is typed) or ``words``.

    :raise SystemExit: always with 0.
    """
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, _AT_MOST)
    try:
        from prober.cli.completion.candidates import find_candidates, lines_of
        from prober.cli.completion.line import split_line

        words = split_line(sys.argv[1]) if how == "line" else sys.argv[1:]
        text = "".join(f"{line}\n" for line in lines_of(find_candidates(words)))
        os.write(1, text.encode("utf-8", "replace"))
    except BaseException:  # noqa: BLE001, S110 - somebody is typing, and it is not there that errors belong
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    raise SystemExit(0)


def _end(number: int, frame: FrameType | None) -> None:
    raise _TooLateError
