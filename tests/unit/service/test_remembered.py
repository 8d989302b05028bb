"""Answers that are remembered: how many, and never for longer than they hold."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from prober.service.client import Client
from prober.service.remembered import Remembered
from tests.recordings import FIXTURES, load_recording
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_api import ID, WaitingAsker, domain

MOST = 80


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, MOST))))
def test_no_more_than_there_is_room_for(keeping: list[tuple[int, int]]) -> None:
    remembered: Remembered[int, int] = Remembered(MOST)
    sizes: dict[int, int] = {}
    for key, size in keeping:
        remembered.keep(key, size, size)
        sizes[key] = size
        kept = [key for key in sizes if remembered.find(key) is not None]
        assert len(kept) == len(remembered)
        assert sum(sizes[key] for key in kept) <= MOST
        assert all(remembered.find(key) == sizes[key] for key in kept)
        assert (remembered.find(key) is None) == (size > MOST // 8)


def test_what_was_not_asked_for_goes_first() -> None:
    remembered: Remembered[str, str] = Remembered(MOST)
    for key in "abcdefgh":
        remembered.keep(key, key, 10)
    assert remembered.find("a") == "a"
    remembered.keep("i", "i", 10)
    assert remembered.find("b") is None
    assert remembered.find("a") == "a"


def reads_json(argv: list[str]) -> bool:
    """Whether the argv is for a QEMU that takes devices as JSON (6.2)."""
    return argv[argv.index("-device") + 1].startswith("{")


def test_an_answer_ends_with_its_binary(tmp_path: Path) -> None:
    asker = WaitingAsker()
    asker.recording = load_recording(FIXTURES / "qemu-5.2.0.replies.xz")
    asker.slow = threading.Event()
    binary = str(make_binary(tmp_path / "bin", ID))
    with running(make_settings(tmp_path, {}), asker) as path, Client(path, timeout=20) as client:
        for query in ("", f"?binary={ID}"):
            before = [client.post(f"/v1/translate{query}", domain(emulator=binary)).value for _ in range(3)]
            assert before[0] == before[1] == before[2]
            assert not reads_json(before[0]["argv"])
            other = client.post(f"/v1/translate{query}", domain(emulator=binary, pm="<title>another</title>")).value
            assert other == before[0]
        asker.recording = load_recording(FIXTURES / "qemu-7.2.22.replies.xz")
        (tmp_path / "bin" / ID).write_bytes((tmp_path / "bin" / ID).read_bytes() + b"\n# upgraded\n")
        for query in ("", f"?binary={ID}"):
            after = client.post(f"/v1/translate{query}", domain(emulator=binary)).value
            assert reads_json(after["argv"])
