"""The question whether a QEMU has a block driver."""

from __future__ import annotations

import pytest

from prober.proof.drivers import driver_question
from prober.qemu.drivers import words_of_lack


def test_the_question_opens_nothing() -> None:
    assert driver_question("rbd") == ("human-monitor-command", {"command-line": "drive_add 0 if=none,driver=rbd"})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Unknown driver 'rbd'\r\n", "Unknown driver 'rbd'"),
        ("Unable to load module rbd. Perhaps you want …?\r\nError: Unknown driver 'rbd'\r\n",
         "Unable to load module rbd. Perhaps you want …? Error: Unknown driver 'rbd'"),
        ("Error: Unknown driver 'nbd'\r\n", None),
        ("Error: 'device' option is required\r\n", None),
        ("", None),
        (None, None),
        ({"driver": "rbd"}, None),
    ],
)  # fmt: skip
def test_the_answer_is_read(answer: object, words: str | None) -> None:
    assert words_of_lack("rbd", answer) == words
