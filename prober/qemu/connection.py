"""QMP with one QEMU, many questions in flight.

``qemu.qmp`` speaks the protocol: greeting, framing, reader and writer.  Three things are done differently
here, each at a method that it offers for overriding:

- ``execute()`` costs a task, a queue and a wait per command.  An interview is hundreds of commands of one
  kind, so replies are handed over where they arrive (``_on_message``), and that sends the next question.
- Every message is turned into indented text for a debug log that nobody reads (``_cb_inbound``); that costs
  more than parsing it.  Here it is done if that log is on.
- Nothing of what a QEMU sends is trusted: bytes are counted where they arrive, and JSON is read strictly.

When QEMU dies, ``qemu.qmp`` leaves the commands that wait for a reply to wait on.  So the one future that
:meth:`QmpConnection.converse` waits for is settled by whatever ends the conversation first: the last answer, an
error of the reader, the watchdog, or the owner that saw the process end (:meth:`QmpConnection.fail`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from qemu.qmp import QMPClient
from qemu.qmp.message import DeserializationError, Message, UnexpectedTypeError
from qemu.qmp.qmp_client import BadReplyError, NegotiationError

from prober.errors import LimitError, ProtocolError, QemuTimeoutError
from prober.qemu.limits import InterviewLimits
from prober.qemu.questions import Question
from prober.qemu.recording import ErrorReply, Exchange
from prober.qemu.replies import require_unicode

#: The library's own log.  Silent unless somebody sets its level: what goes wrong is told by errors.
_LIBRARY_LOG = logging.getLogger("qemu.qmp")
if _LIBRARY_LOG.level == logging.NOTSET:
    _LIBRARY_LOG.setLevel(logging.CRITICAL + 1)

#: How much of what cannot be understood is kept for the error message (bytes).
_KEPT = 400


class ByteBudget:
    """How many bytes the processes of one interview may still send."""

    def __init__(self, binary: str, total: int) -> None:
        self._binary = binary
        self._total = total
        self.spent = 0

    def spend(self, count: int) -> None:
        """Count bytes.

        :raise LimitError: where there are more than allowed.
        """
        self.spent += count
        if self.spent > self._total:
            raise LimitError(
                f"{self._binary} sent more than {self._total} bytes in all", hint="the limit is total_bytes"
            )


class QmpConnection(QMPClient):
    """One QMP session on ``qmp``, a connected socket.  ``binary`` is for messages."""

    def __init__(self, binary: str, qmp: socket.socket, limits: InterviewLimits, budget: ByteBudget) -> None:
        super().__init__(readbuflen=limits.reply_bytes)
        self._binary = binary
        self._socket = qmp
        self._limits = limits
        self._budget = budget
        self._number = 0
        self._asked: dict[str, Question] = {}
        self._take: Callable[[], Question | None] = lambda: None
        self._answered: Callable[[Question, Exchange], None] = _never
        self._over: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._since = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self.greeted: Exchange | None = None
        self._attached: int | None = None

    async def greet(self) -> None:
        """Wait for the greeting and negotiate.

        :raise Exception: of ``qemu.qmp`` or the stream, to be mapped.
        """
        try:
            await self.connect(self._socket)
        except AssertionError as error:
            # One who goes away, or sends nonsense, right behind the negotiation: the library takes for granted that the
            # connection still stands (qemu.qmp 0.0.6, ``AsyncProtocol.connect``).
            raise EOFError("it was over before it began") from error

    # The conversation.

    async def converse(
        self,
        take: Callable[[], Question | None],
        answered: Callable[[Question, Exchange], None],
        over: asyncio.Future[None],
    ) -> None:
        """Ask what ``take`` gives and hand each answer to ``answered``, until ``over`` is done.

        ``take`` gives None when there is nothing to ask for now; :meth:`pump` asks it again.

        :raise Exception: what ended the conversation before ``over`` was done.  Questions without answer are
            in :attr:`unanswered` then.
        """
        self._take, self._answered, self._over = take, answered, over
        try:
            if self._failure is not None:
                raise self._failure
            self.pump()
            self._watch()
            await over
        finally:
            self._take = lambda: None
            if self._watchdog is not None:
                self._watchdog.cancel()

    @property
    def unanswered(self) -> list[Question]:
        """What was asked and not answered, in the order of asking, which is that of QEMU's answering."""
        return list(self._asked.values())

    def pump(self) -> None:
        """Ask as much as may be in flight, when less than half of that is; in one write."""
        if self._failure is not None or len(self._asked) > self._limits.in_flight // 2:
            return
        requests = bytearray()
        while len(self._asked) < self._limits.in_flight and (question := self._take()) is not None:
            if not self._asked:
                self._since = asyncio.get_running_loop().time()
            self._number += 1
            # QEMU reads what it is asked byte by byte, so that each costs it two calls of the kernel: it is kept short.
            ident = str(self._number)
            self._asked[ident] = question
            request: dict[str, object] = {"execute": question.command, "id": ident}
            if question.arguments is not None:
                request["arguments"] = question.arguments
            requests += _encode(request).encode()
        if requests:
            self._outgoing.put_nowait(Message(bytes(requests), eager=False))

    def attach(self, descriptor: int) -> None:
        """Have what is sent next take this descriptor along (SCM_RIGHTS), for ``getfd``.  Nothing may be in flight."""
        self._attached = descriptor

    def fail(self, error: BaseException) -> None:
        """End the conversation with this error, unless it is over already."""
        if self._failure is None:
            self._failure = error
        if self._over is not None and not self._over.done():
            self._over.set_exception(self._failure)

    def _watch(self) -> None:
        """Fail when the oldest question waits too long; one timer for all questions."""
        loop = asyncio.get_running_loop()
        rest = self._limits.reply_s
        if self._asked:
            rest -= loop.time() - self._since
            if rest <= 0:
                oldest = next(iter(self._asked.values()))
                text = f"{self._binary} did not answer {oldest} within {self._limits.reply_s:g} s"
                self.fail(QemuTimeoutError(text, hint="the limit is reply_s"))
                return
        self._watchdog = loop.call_later(rest, self._watch)

    # What qemu.qmp calls.

    async def _negotiate(self) -> None:
        # Out-of-band execution is not enabled, unlike in qemu.qmp: nothing here needs it.
        try:
            await self._send(self.make_execute_msg("qmp_capabilities"))
            while "event" in (reply := await self._recv()):
                pass
            exchange = _exchange(Question("qmp_capabilities"), reply)
        except (DeserializationError, UnexpectedTypeError, BadReplyError) as error:
            raise NegotiationError("Negotiation failed", error) from error
        if exchange.error is not None:
            refusal = ProtocolError(f"{self._binary} refused qmp_capabilities: {exchange.error.desc}")
            raise NegotiationError("Negotiation failed", refusal)
        self.greeted = exchange

    async def _bh_recv_message(self) -> None:
        try:
            await super()._bh_recv_message()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.fail(error)
            raise

    async def _on_message(self, msg: Message) -> None:
        if "event" in msg:
            return  # the base class would keep them all
        ident = msg.get("id")
        question = self._asked.pop(ident, None) if isinstance(ident, str) else None
        if question is None:
            if "error" in msg and "id" not in msg:
                await super()._on_message(msg)  # raises ServerParseError
            raise ProtocolError(f"{self._binary} answered a question that was never asked: id {ident!r:.80}")
        self._since = asyncio.get_running_loop().time()
        self._answered(question, _exchange(question, msg))
        self.pump()

    def _cb_outbound(self, msg: Message) -> Message:
        if self.logger.isEnabledFor(logging.DEBUG):
            self.logger.debug("--> %s", bytes(msg))
        return msg

    def _cb_inbound(self, msg: Message) -> Message:
        return super()._cb_inbound(msg) if self.logger.isEnabledFor(logging.DEBUG) else msg

    def _do_send(self, msg: Message) -> None:
        # Written past the transport, which throws away what it has not read yet when a write fails: the answers
        # that QEMU gave before it died, so that the innocent would be asked again.  Whether the connection is
        # lost is for the reader to tell, after the last answer.
        assert self._writer is not None
        data, sent = bytes(msg), 0
        if self._writer.transport.get_write_buffer_size() == 0:
            try:
                if self._attached is not None:
                    sent = socket.send_fds(self._socket, [data], [self._attached])
                    self._attached = None
                else:
                    sent = self._socket.send(data)
            except BlockingIOError:
                pass
            except OSError:
                return
        if sent < len(data) and not self._writer.is_closing():
            self._writer.write(data[sent:])

    async def _do_recv(self) -> Message:
        assert self._reader is not None
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise EOFError from error  # a part of a message is as good as none
        except asyncio.LimitOverrunError as error:
            size = self._limits.reply_bytes
            raise LimitError(
                f"{self._binary} sent more than {size} bytes in one reply", hint="the limit is reply_bytes"
            ) from error
        self._budget.spend(len(line))
        return _StrictMessage(line)


class _StrictMessage(Message):
    """A message that is JSON by the letter: UTF-8, no NaN, no lone surrogates, no endless nesting."""

    @classmethod
    def _deserialize(cls, data: bytes) -> dict[str, object]:
        try:
            value = _DECODER.decode(data.decode())
            if b"\\u" in data:
                require_unicode(value)
        except (ValueError, RecursionError) as error:
            raise DeserializationError(f"not JSON: {error}", data[:_KEPT]) from error
        if not isinstance(value, dict):
            raise UnexpectedTypeError("not an object", value)
        return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_encode = json.JSONEncoder(separators=(",", ":")).encode

_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _exchange(question: Question, msg: Message) -> Exchange:
    """One question with the reply that came for it.

    :raise BadReplyError: where the reply has neither ``return`` nor a well-formed ``error``.
    """
    if "error" in msg:
        error: Any = msg["error"]
        if isinstance(error, dict) and isinstance(error.get("class"), str) and isinstance(error.get("desc"), str):
            return Exchange(question.command, question.arguments, error=ErrorReply(error["class"], error["desc"]))
    elif "return" in msg:
        reply: Any = msg["return"]
        return Exchange(question.command, question.arguments, reply)
    raise BadReplyError(f"bad reply to {question}", msg, Message({"execute": question.command}))


def _never(question: Question, exchange: Exchange) -> None:
    raise AssertionError(f"an answer to {question} outside of a conversation")
