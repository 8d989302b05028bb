"""Doing something as an ordinary user, in a process that began as root."""

from __future__ import annotations

import ctypes
import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import Any

#: Who is no root, and owns nothing.
SOMEBODY = 12345


def as_somebody(work: Callable[[], Any]) -> Any:
    """Do this in a process of an ordinary user.  What it returns must be pickled.

    A fork, as that user may not be let into where the interpreter is.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: idle threads of a pool do not matter
        child = os.fork()
    if child == 0:
        os.close(reader)
        result: tuple[bool, Any] = (False, "")
        try:
            os.setgroups([])
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as for any process that began as that user
            result = (True, work())
        finally:
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(pickle.dumps(result if result[0] else (False, traceback.format_exc())))
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    good, value = pickle.loads(data)
    assert good, value
    return value
