"""A bench's files in a directory: what they are, and that nothing stays."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from prober.errors import LaunchError
from prober.proof import files
from prober.proof.bench import StandInFile
from prober.proof.files import make_files, takes_direct_io

GIB = 1024**3


def test_each_kind_is_made_and_taken_away(tmp_path: Path) -> None:
    made = [
        StandInFile("0-disk", b"head" + bytes(9000) + b"tail", GIB, at=1_000_000),
        StandInFile("1-dir", kind="directory"),
        StandInFile("2-sock", kind="socket"),
        StandInFile("3-rom", b"rom", writable=False),
        StandInFile("4-empty"),
    ]
    with make_files(made, tmp_path):
        disk = (tmp_path / "0-disk").stat()
        assert (disk.st_size, stat.S_IMODE(disk.st_mode)) == (GIB, 0o666)
        assert disk.st_blocks * 512 < 64 * 1024
        with (tmp_path / "0-disk").open("rb") as file:
            file.seek(1_000_000)
            assert file.read(9008) == b"head" + bytes(9000) + b"tail"
        assert stat.S_IMODE((tmp_path / "1-dir").stat().st_mode) == 0o777
        assert stat.S_IMODE((tmp_path / "3-rom").stat().st_mode) == 0o444
        assert (tmp_path / "3-rom").read_bytes() == b"rom"
        assert (tmp_path / "4-empty").stat().st_size == 0
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "2-sock"))
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)
        (tmp_path / "1-dir" / "by-qemu").write_text("left here")
    assert list(tmp_path.iterdir()) == []


def test_a_socket_has_a_long_path(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    with make_files([StandInFile("0-sock", kind="socket")], directory):
        assert (directory / "0-sock").is_socket()
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    "bad",
    [
        StandInFile("../out"),
        StandInFile(".."),
        StandInFile(""),
        StandInFile("a\0b"),
        StandInFile("0-there"),
        StandInFile("n" * 300),
        StandInFile("0-large", size=files.MOST_SIZE + 1),
        StandInFile("0-far", b"x", at=files.MOST_SIZE),
        StandInFile("0-before", b"x", at=-5),
    ],
)
def test_nothing_stays_where_one_cannot_be_made(bad: StandInFile, tmp_path: Path) -> None:
    directory = tmp_path / "stand-ins"
    directory.mkdir()
    (directory / "0-there").write_text("another's")
    good = [StandInFile("1-a", b"x"), StandInFile("2-d", kind="directory"), StandInFile("3-s", kind="socket")]
    with pytest.raises(LaunchError):
        make_files([*good, bad], directory)
    assert [path.name for path in directory.iterdir()] == ["0-there"]
    assert (directory / "0-there").read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["stand-ins"]


@pytest.mark.slow
def test_they_are_bounded_in_number_and_in_content(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="4097 stand-ins are needed"):
        make_files([StandInFile(str(number)) for number in range(files.MOST_FILES + 1)], tmp_path)
    content = b"x" * (files.MOST_CONTENT // 2 + 1)
    with pytest.raises(LaunchError, match="more than"):
        make_files([StandInFile("0", content), StandInFile("1", content)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_tells_whether_it_takes_direct_io(tmp_path: Path) -> None:
    assert isinstance(takes_direct_io(tmp_path), bool)
    assert not takes_direct_io(tmp_path / "none")
    assert not takes_direct_io(Path("/proc/self"))
    assert list(tmp_path.iterdir()) == []
