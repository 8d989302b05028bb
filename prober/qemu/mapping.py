"""The one place where errors of ``qemu.qmp`` and of the transport become ours."""

from __future__ import annotations

import reprlib

import qemu.qmp
import qemu.qmp.error
import qemu.qmp.events
import qemu.qmp.message
import qemu.qmp.protocol
import qemu.qmp.qmp_client

from prober.errors import ProtocolError, QemuError

#: What ``qemu.qmp`` raises, and how it reads here.  A base class stands for those below it that are not named.
MAPPED: dict[type[qemu.qmp.QMPError], str] = {
    qemu.qmp.message.DeserializationError: "sent something that is not JSON",
    qemu.qmp.message.UnexpectedTypeError: "sent JSON that is not an object",
    qemu.qmp.qmp_client.ServerParseError: "did not understand what it was sent",
    qemu.qmp.qmp_client.BadReplyError: "sent a reply that is neither `return` nor `error`",
    qemu.qmp.qmp_client.GreetingError: "did not greet as QMP does",
    qemu.qmp.qmp_client.NegotiationError: "refused the negotiation of capabilities",
    qemu.qmp.qmp_client.ExecuteError: "answered with an error",
    qemu.qmp.qmp_client.ExecInterruptedError: "closed its QMP connection",
    qemu.qmp.error.ProtocolError: "sent something that is not QMP",
    qemu.qmp.events.ListenerError: "cannot be listened to",
    qemu.qmp.protocol.ConnectError: "cannot be talked to",
    qemu.qmp.protocol.StateError: "is not connected",
    qemu.qmp.QMPError: "cannot be talked to",
}

#: What a hostile QEMU sent is shown up to this many characters, and never converted whole to be cut then.
_SHOWN = 200
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _SHOWN


def is_closed(error: BaseException) -> bool:
    """Whether this says that the other end went away: it closed its end, or died."""
    if isinstance(error, qemu.qmp.protocol.ConnectError):
        return is_closed(error.exc)
    return isinstance(error, EOFError | OSError | qemu.qmp.qmp_client.ExecInterruptedError)


def may_be_last_words(error: BaseException) -> bool:
    """Whether this may be the first sign of a death: GLib's failed assertions say ``Bail out!`` on stdout."""
    return isinstance(error, qemu.qmp.message.DeserializationError)


def mapped(error: BaseException, binary: str) -> BaseException:
    """Our error for one of ``qemu.qmp`` or of the stream; anything else (a bug, a cancellation) as it is.

    The caller raises it ``from`` the error given.
    """
    if isinstance(error, qemu.qmp.protocol.ConnectError):
        return mapped(error.exc, binary)
    if isinstance(error, QemuError):
        return error
    if isinstance(error, EOFError | OSError):
        return ProtocolError(f"{binary} closed its QMP connection")
    if isinstance(error, qemu.qmp.QMPError):
        said = next(MAPPED[cls] for cls in type(error).__mro__ if cls in MAPPED)
        return ProtocolError(f"{binary} {said}{_detail(error)}")
    return error


def _detail(error: qemu.qmp.QMPError) -> str:
    match error:
        case qemu.qmp.message.DeserializationError():
            shown: object = error.raw[:_SHOWN].decode(errors="replace")
        case qemu.qmp.message.UnexpectedTypeError():
            shown = error.value
        case qemu.qmp.qmp_client.ServerParseError() | qemu.qmp.qmp_client.BadReplyError():
            shown = dict(error.msg)
        case qemu.qmp.qmp_client.GreetingError() | qemu.qmp.qmp_client.NegotiationError():
            if isinstance(error.exc, qemu.qmp.QMPError):
                return _detail(error.exc)
            shown = error.exc
        case _:
            shown = error
    return f": {shown}"[:_SHOWN] if isinstance(shown, Exception) else f": {_repr.repr(shown)}"


def first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the group: any that is ours before any that is not."""
    flat: list[BaseException] = []
    pending: list[BaseException] = [errors]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        else:
            flat.append(error)
    return next((error for error in flat if isinstance(error, QemuError)), flat[0])
