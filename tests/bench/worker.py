"""Processes that answer over a pipe, a line of JSON for a line: prober inside of its own checkout, and libvirt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.sides import Side, sides
from tests.conftest import CHECKOUT

_INSIDE = Path(__file__).with_name("inside.py")
_PATIENCE = 60.0


class Piped:
    """A process that is asked over its stdin and stdout.  A context manager; it is killed at the end."""

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        self._command, self._cwd = command, cwd
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._cwd, text=True, stderr=self.errors
        )

    #: Where its stderr goes; None is ours.
    errors: int | None = None

    def ask(self, question: object) -> Any:
        """Its answer.

        :raise EOFError: where it ended instead.
        """
        line = ""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"{self._command[0]} ended")
        return json.loads(line)

    def most_memory(self) -> int:
        """The most that the process has had (KiB)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate(timeout=_PATIENCE)


@dataclass(frozen=True)
class Took:
    """How long something took: by the clock and of the processor's time, in seconds; and whether it was refused."""

    seconds: float
    cpu: float
    refused: bool


class Inside(Piped):
    """prober in a process of its own, in one side's checkout."""

    def __init__(self, side: Side) -> None:
        # Not the script's own directory, but prober of that environment comes first on the path.
        super().__init__([side.python, "-P", str(_INSIDE)], side.checkout)

    def load(self, replies: Path) -> Took:
        """The capabilities made from a recording."""
        return self._took(do="load", replies=str(replies))

    def translate(self, xml: str, replies: Path, *, rounds: int = 1, salt: int = 0) -> Took:
        """A domain translated, the least of some rounds; ``salt`` tells this question from another of the same XML."""
        return self._took(do="translate", xml=xml, replies=str(replies), rounds=rounds, salt=salt)

    def check(self, argv: Sequence[str], replies: Path, *, rounds: int = 1) -> Took:
        """A command line checked, the least of some rounds."""
        return self._took(do="check", argv=list(argv), replies=str(replies), rounds=rounds)

    def _took(self, **question: object) -> Took:
        return Took(**self.ask(question))


@contextmanager
def start_insides() -> Iterator[dict[str, Inside]]:
    """One for each side, by its name."""
    with ExitStack() as stack:
        yield {side.name: stack.enter_context(Inside(side)) for side in sides()}


class Libvirt(Piped):
    """A process with libvirt in it, started anew where a domain ends it."""

    errors = subprocess.DEVNULL

    def __init__(self) -> None:
        super().__init__([sys.executable, "-m", "tests.bench.libvirt_native"], CHECKOUT)
        #: Whether there is a libvirt.
        self.answers = self._is_there()

    def _is_there(self) -> bool:
        return self._process.stdout is not None and self._process.stdout.readline().strip() == "true"

    def translate(self, xml: str) -> Took:
        """How long it took; refused is also what ends libvirt."""
        try:
            took: tuple[float, float] | None = self.ask(xml)
        except (EOFError, BrokenPipeError):
            self.close()
            self._process = self._start()
            self.answers = self._is_there()
            took = None
        seconds, cpu = took or (0.0, 0.0)
        return Took(seconds, cpu, refused=took is None)
