"""Other inputs made of some that are good.  The same seed makes the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

#: Numbers at an edge of something, and what parsers of text trip over.
_EDGES = (
    b"0", b"-1", b"1", b"255", b"256", b"65536", b"2147483648", b"4294967296", b"9223372036854775808",
    b"18446744073709551616", b"1e999", b"-0", b"0x", b"1" * 400, b"NaN", b"", b"\x00", b"\xff", b"\xc3\x28",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", b"%", b"%00", b"\r\n", b"\n\n", b"'", b'"', b"\\", b"\\u0000", b"\\ud800",
    b"\xe2\x80\xa8", b"[" * 300, b"{" * 300, b"," * 300, b"<" * 50, b" " * 300,
)  # fmt: skip

_MARKS = b"<>{},=\"' \n"

#: So many changes are made to one input at most.
_MOST_CHANGES = 6


class Mutator:
    """Makes inputs of ``seeds``; ``tokens`` are words of their language.  None is longer than ``most`` bytes."""

    def __init__(self, seeds: Sequence[bytes], tokens: Sequence[bytes], random: Random, most: int) -> None:
        self._seeds = [seed[:most] for seed in seeds]
        self._tokens = [*tokens, *_EDGES]
        self._random = random
        self._most = most

    def mutant(self) -> bytes:
        """One input."""
        data = self._random.choice(self._seeds)
        for _ in range(self._random.randint(1, _MOST_CHANGES)):
            data = self._changed(data)
        return data[: self._most]

    def piece(self) -> tuple[bytes, bytes, bytes]:
        """A seed in three parts, of which the middle is to be repeated."""
        data = self._random.choice(self._seeds)
        start, end = self._span(data)
        return data[:start], data[start:end] or self._random.choice(self._tokens) or b" ", data[end:]

    def _changed(self, data: bytes) -> bytes:
        random = self._random
        start, end = self._span(data)
        match random.randrange(8):
            case 0:
                return data[:start] + data[end:]
            case 1:
                return data[:start] + random.choice(self._tokens) + data[start:]
            case 2:
                return data[:start] + random.choice(self._tokens) + data[end:]
            case 3:
                return data[:end] + data[start:end] * random.choice((1, 2, 30)) + data[end:]
            case 4:
                other = random.choice(self._seeds)
                begin, stop = self._span(other)
                return data[:start] + other[begin:stop] + data[end:]
            case 5 if data:
                place = random.randrange(len(data))
                return data[:place] + bytes((data[place] ^ 1 << random.randrange(8),)) + data[place + 1 :]
            case 6:
                begin, stop = self._span(data)
                return data[:start] + data[begin:stop] + data[end:]
            case _:
                return data[:start] + random.randbytes(random.randint(1, 4)) + data[end:]

    def _span(self, data: bytes) -> tuple[int, int]:
        """A part of some input; mostly a short one, and often from one mark of its language to another."""
        random = self._random
        start = random.randint(0, len(data))
        length = random.choice((0, 1, 2, 8, 40, 400))
        if random.random() < 0.5:
            marks = [place for place in range(start, min(start + 200, len(data))) if data[place] in _MARKS]
            if len(marks) > 1:
                return marks[0], random.choice(marks[1:])
        return start, min(len(data), start + length)
