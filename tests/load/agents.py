"""Many agents in one process: each has a connection, asks, reads its answer, and asks again."""

from __future__ import annotations

import select
import socket
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.client_attack import length_of

_PIECE = 256 * 1024


@dataclass(frozen=True)
class Question:
    """What is asked: the name of its route, and the whole request."""

    route: str
    request: bytes


@dataclass
class Measured:
    """What came of some time: the seconds of each answer by route, and what went wrong."""

    seconds: float = 0.0
    waits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """How many there were."""
        return sum(map(len, self.waits.values()))

    @property
    def rate(self) -> float:
        """Answers a second, but for those to who only holds a connection."""
        return (self.answers - len(self.waits["held"])) / self.seconds

    def percentile(self, route: str, part: float) -> float:
        """What so many of a hundred answers took at most, in ms."""
        waits = sorted(self.waits[route])
        return waits[min(len(waits) - 1, int(len(waits) * part / 100))] * 1000 if waits else 0.0


class Agent:
    """One connection, with at most one request under way."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.route = ""
        self.began = 0.0
        self._got = bytearray()
        self._needed = 0

    def ask(self, question: Question, began: float) -> None:
        """Send a request; ``began`` is from when its wait counts."""
        self.route, self.began = question.route, began
        self._got.clear()
        self._needed = 0
        with suppress(BrokenPipeError):  # That it is closed is read.
            self.socket.sendall(question.request)

    def read(self) -> str | None:
        """Some of the answer came; its status once it is whole, or what is wrong."""
        try:
            got = self.socket.recv(_PIECE)
        except ConnectionResetError:
            got = b""
        if not got:
            return "closed"
        self._got += got
        if not self._needed:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._needed = end + 4 + length_of(bytes(self._got[:end]))
        return bytes(self._got[9:12]).decode() if len(self._got) >= self._needed else None


class Crowd:
    """Agents that ask, and others that only hold their connection and ask now and then, until :meth:`close`."""

    def __init__(self, path: Path, agents: int, held: int, questions: Iterator[Question], seldom: Question) -> None:
        self._questions = questions
        self._seldom = seldom
        self._poll = select.epoll()
        self._agents = [self._come(path) for _ in range(agents)]
        self._held = deque(self._come(path) for _ in range(held))
        self._by_fd = {agent.socket.fileno(): agent for agent in (*self._agents, *self._held)}
        for fd in self._by_fd:
            self._poll.register(fd, select.EPOLLIN)
        self._next_held = time.perf_counter()

    def _come(self, path: Path) -> Agent:
        """Connect and ask: a connection that never did is not held for long."""
        agent = Agent(path)
        agent.ask(self._seldom, time.perf_counter())
        while (status := agent.read()) is None:
            pass
        assert status == "200", status
        return agent

    def close(self) -> None:
        """Close all connections."""
        self._poll.close()
        for agent in self._by_fd.values():
            agent.socket.close()

    def work(self, seconds: float, rate: float = 0.0) -> Measured:
        """Ask for so long: each agent again as soon as it has its answer, or all of them so often a second.

        A wait counts from when it was the time to ask, whether an agent was free or not.
        """
        measured, began = Measured(), time.perf_counter()
        until, due = began + seconds, began
        free = deque(self._agents)
        while free or self._is_waiting(measured, until):
            now = time.perf_counter()
            if now >= until and len(free) == len(self._agents):
                break
            while free and now < until and (not rate or due <= now):
                free.popleft().ask(next(self._questions), due if rate else now)
                due += 1 / rate if rate else 0.0
            self._ask_held(now, until)
            pause = max(0.0, min(0.02, due - time.perf_counter())) if rate and free else 0.02
            for fd, _ in self._poll.poll(pause):
                agent = self._by_fd[fd]
                self._take(agent, measured, free)
        measured.seconds = time.perf_counter() - began
        return measured

    def _is_waiting(self, measured: Measured, until: float) -> bool:
        if time.perf_counter() < until + 30:
            return True
        measured.errors.append("no answer for half a minute")
        return False

    def _ask_held(self, now: float, until: float) -> None:
        """Each connection that is held asks once in twenty seconds: for longer the service holds none that is idle."""
        if self._held and self._next_held <= now < until:
            self._held[0].ask(self._seldom, now)
            self._held.rotate(-1)
            self._next_held = now + 20 / len(self._held)

    def _take(self, agent: Agent, measured: Measured, free: deque[Agent]) -> None:
        with suppress(BlockingIOError):
            status = agent.read()
            if status is None:
                return
            if status == "200":
                measured.waits[agent.route].append(time.perf_counter() - agent.began)
            else:
                measured.errors.append(f"{agent.route}: {status}")
            if status == "closed":
                self._poll.unregister(agent.socket)
                if agent in self._held:
                    self._held.remove(agent)
                else:
                    self._agents.remove(agent)
            elif agent.route != self._seldom.route:
                free.append(agent)
