"""Every error of ``qemu.qmp`` becomes one of ours, at one place."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
import qemu.qmp
from qemu.qmp.message import DeserializationError, Message, UnexpectedTypeError
from qemu.qmp.protocol import ConnectError, Runstate, StateError
from qemu.qmp.qmp_client import BadReplyError, ExecInterruptedError, GreetingError, ServerParseError

from prober.errors import LimitError, ProtocolError
from prober.qemu.mapping import MAPPED, is_closed, mapped


def exceptions_of_qemu_qmp() -> set[type[Exception]]:
    """All exception classes that the installed ``qemu.qmp`` defines, private bases left out."""
    found: set[type[Exception]] = set()
    for module in pkgutil.iter_modules(qemu.qmp.__path__, "qemu.qmp."):
        # These are programs and adapters with dependencies of their own; nothing here imports them.
        if module.name.rsplit(".", 1)[1] in ("qmp_shell", "qmp_tui", "legacy"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Exception) and value.__module__.startswith("qemu.qmp"):
                found.add(value)
    return {cls for cls in found if not cls.__name__.startswith("_")}


def test_every_exception_is_mapped() -> None:
    found = exceptions_of_qemu_qmp()
    assert len(found) >= 12
    assert found == set(MAPPED)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeserializationError("x", b"some words"), "sent something that is not JSON: 'some words'"),
        (UnexpectedTypeError("x", [1]), "sent JSON that is not an object: [1]"),
        (GreetingError("x", KeyError("QMP")), "did not greet as QMP does: 'QMP'"),
        (GreetingError("x", DeserializationError("y", b"zz")), "did not greet as QMP does: 'zz'"),
        (ServerParseError("x", Message({"error": 1})), "did not understand what it was sent: {'error': 1}"),
        (BadReplyError("x", Message({"id": "1"}), Message({})), "neither `return` nor `error`: {'id': '1'}"),
        (StateError("not now", Runstate.IDLE, Runstate.RUNNING), "is not connected: not now"),
        (ConnectError("x", GreetingError("x", TypeError("odd"))), "did not greet as QMP does: odd"),
        (EOFError(), "closed its QMP connection"),
        (ConnectionResetError(), "closed its QMP connection"),
        (ConnectError("x", BrokenPipeError()), "closed its QMP connection"),
    ],
)
def test_words(error: Exception, words: str) -> None:
    ours = mapped(error, "/bin/qemu")
    assert isinstance(ours, ProtocolError)
    assert ours.message.startswith("/bin/qemu ")
    assert words in ours.message


@pytest.mark.parametrize("value", ["x" * 10**6, [[["deep"] * 1000] * 1000], {str(n): n for n in range(10**5)}])
def test_what_was_sent_is_shown_in_part(value: Any) -> None:
    for error in (UnexpectedTypeError("x", value), DeserializationError("x", repr(value).encode())):
        ours = mapped(error, "qemu")
        assert isinstance(ours, ProtocolError)
        assert len(ours.message) < 1000


def test_ours_and_strangers_stay() -> None:
    for error in (LimitError("too much"), ZeroDivisionError(), KeyboardInterrupt()):
        assert mapped(error, "qemu") is error
    assert mapped(ConnectError("x", limit := LimitError("too much")), "qemu") is limit


def test_what_is_closed() -> None:
    for error in (EOFError(), ConnectionResetError(), ConnectError("x", EOFError()), ExecInterruptedError("x")):
        assert is_closed(error)
    for other in (LimitError("x"), DeserializationError("x", b""), ConnectError("x", GreetingError("y", KeyError()))):
        assert not is_closed(other)
