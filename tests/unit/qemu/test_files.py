"""Recordings on disk."""

from __future__ import annotations

import lzma
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.errors import RecordingError
from prober.qemu import decoding, files
from prober.qemu.files import read_recording, write_recording
from prober.qemu.recording import ErrorReply, Exchange, Part, Recording
from tests.conftest import aio as run

pytestmark = pytest.mark.slow

Aio = Callable[..., Any]

SOME = Recording((Part((Exchange("qmp_capabilities", reply={}), Exchange("query-name", reply={"name": "ä\n\"'"}))),))

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_exchange = st.builds(
    lambda command, arguments, reply, error: Exchange(command, arguments, None if error else reply, error),
    st.text().filter(lambda name: name != "qmp_capabilities"),
    st.none() | st.dictionaries(st.text(), _json, max_size=3),
    _json,
    st.none() | st.builds(ErrorReply, st.text(), st.text()),
)
_part = st.builds(lambda rest: Part((Exchange("qmp_capabilities", reply={}), *rest)), st.lists(_exchange, max_size=5))
_recordings = st.builds(lambda parts: Recording(tuple(parts)), st.lists(_part, min_size=1, max_size=3))


@given(_recordings)
def test_text_and_back(recording: Recording) -> None:
    assert Recording.loads(recording.dumps()) == recording


@pytest.mark.slow
@given(_recordings, st.sampled_from(["x.replies", "x.replies.xz"]))
@settings(max_examples=15, deadline=None)
def test_file_and_back(tmp_path_factory: pytest.TempPathFactory, recording: Recording, name: str) -> None:
    path = tmp_path_factory.mktemp("files") / name
    run(write_recording(path, recording))
    assert run(read_recording(path)) == recording
    assert os.listdir(path.parent) == [name]


def test_compressed_by_name_and_read_by_magic(aio: Aio, tmp_path: Path) -> None:
    aio(write_recording(tmp_path / "a.xz", SOME))
    data = (tmp_path / "a.xz").read_bytes()
    assert data.startswith(b"\xfd7zXZ\0")
    (tmp_path / "plain-by-name").write_bytes(data)
    assert aio(read_recording(tmp_path / "plain-by-name")) == SOME
    aio(write_recording(tmp_path / "b", SOME))
    assert (tmp_path / "b").read_text() == SOME.dumps()


def test_mode_follows_the_umask(aio: Aio, tmp_path: Path) -> None:
    aio(write_recording(tmp_path / "a", SOME))
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def test_nothing_to_read(aio: Aio, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        aio(read_recording(tmp_path / "nothing"))
    with pytest.raises(RecordingError, match="Is a directory"):
        aio(read_recording(tmp_path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the recording is empty"),
        (b"\xff", "not UTF-8"),
        (b'{"execute": "x"}', "no reply"),
        (lzma.compress(SOME.dumps().encode())[:-5], "ends early"),
        (lzma.compress(SOME.dumps().encode())[:20] + b"nonsense" * 9, "damaged xz"),
        (b"\xfd7zXZ\0", "ends early"),
    ],
)
def test_damaged_file(aio: Aio, tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(RecordingError, match=words) as caught:
        aio(read_recording(tmp_path / "x"))
    assert str(tmp_path / "x") in caught.value.message


def test_bomb(aio: Aio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that decompresses to more than is allowed is refused without being decompressed whole."""
    for module in (files, decoding):
        monkeypatch.setattr(module, "MAX_RECORDING_BYTES", 1 << 20)
    for name, data in {"xz": lzma.compress(b" " * (2 << 20)), "plain": b" " * (2 << 20)}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RecordingError, match="larger than 1 MiB"):
            aio(read_recording(tmp_path / name))


def test_greedy_dictionary(aio: Aio, tmp_path: Path) -> None:
    """A header that asks the decompressor for a gigabyte is refused."""
    filters = [
        {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3, "nice_len": 3}
    ]
    compressor = lzma.LZMACompressor(filters=filters)
    (tmp_path / "x").write_bytes(compressor.compress(b"x") + compressor.flush())
    with pytest.raises(RecordingError, match=r"damaged xz data: .*[Mm]emory"):
        aio(read_recording(tmp_path / "x"))


def test_failed_write_leaves_what_was_there(aio: Aio, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(RecordingError, match="cannot write"):
        aio(write_recording(tmp_path / "x", SOME))
    with pytest.raises(RecordingError, match="cannot write"):
        aio(write_recording(tmp_path / "no" / "x", SOME))
    unwritable = Recording((Part((Exchange("x", reply="\ud800"),)),))
    with pytest.raises(RecordingError, match="cannot be written"):
        aio(write_recording(tmp_path / "y", unwritable))
    assert os.listdir(tmp_path) == ["x"]
