"""The cache keeps what it is given, trusts nothing that it finds, and is never in the way."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.capabilities.cache import FORMAT, DiskCache
from tests.conftest import CHECKOUT, aio
from tests.unit.capabilities.making import make_binary, make_learned


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    return make_binary(tmp_path / "bin")


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    made = DiskCache(tmp_path / "cache")
    aio(made.open())
    return made


@pytest.fixture
def entry(cache: DiskCache, binary: Path) -> Path:
    """A good entry."""
    assert aio(cache.write(*make_learned(binary)))
    return cache.path_of(str(binary))


def test_round_trip(cache: DiskCache, binary: Path, entry: Path) -> None:
    assert aio(cache.read(str(binary))) == make_learned(binary)
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]
    assert entry.stat().st_mode & 0o777 == 0o600


def test_nothing_there(cache: DiskCache, caplog: pytest.LogCaptureFixture) -> None:
    assert aio(cache.read("/usr/bin/qemu")) is None
    assert not caplog.records


@pytest.mark.fault("descriptors")
def test_without_descriptors_an_entry_stays(
    cache: DiskCache, binary: Path, entry: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def read_without() -> object:
        await asyncio.to_thread(os.getpid)  # The thread is there.
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            return await cache.read(str(binary))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert aio(read_without()) is None
    assert "cannot be read now: [Errno 24]" in caplog.text
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]
    assert aio(cache.read(str(binary))) == make_learned(binary)


def test_paths_of_one_name_are_kept_apart(cache: DiskCache) -> None:
    paths = ["/a/qemu", "/b/qemu", "/a/../a/qemu", "/a/qe\nmu", "/" + "x" * 4000, "/a/\udcff"]
    names = [cache.path_of(path) for path in paths]
    assert len(set(names)) == len(paths)
    assert all(name.parent == cache.directory and len(name.name) < 128 for name in names)


def _forge(entry: Path, old: bytes, new: bytes) -> None:
    """Change the content and make the checksum right: what is wrong is deeper."""
    rest = entry.read_bytes().split(b"\n", 1)[1]
    assert old in rest
    rest = rest.replace(old, new, 1)
    entry.write_bytes(b"prober-cache %d %d %s\n%s" % (FORMAT, len(rest), sha256(rest).hexdigest().encode(), rest))


def _make_link(entry: Path) -> None:
    entry.rename(entry.with_name("elsewhere"))
    entry.symlink_to("elsewhere")


def _make_fifo(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry)


def _make_directory(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda entry: entry.write_bytes(b""), "it is empty"),
    "truncated in its first line": (lambda entry: os.truncate(entry, 20), "does not begin as an entry does"),
    "truncated in its head": (lambda entry: os.truncate(entry, 200), "it should have"),
    "truncated at its end": (lambda entry: os.truncate(entry, entry.stat().st_size - 1), "it should have"),
    "longer": (lambda entry: entry.write_bytes(entry.read_bytes() + b"}"), "it should have"),
    "garbage": (lambda entry: entry.write_bytes(os.urandom(5000)), "does not begin as an entry does"),
    "a changed byte": (
        lambda entry: entry.write_bytes(entry.read_bytes().replace(b"x86_64\"", b"x86_65\"")), "checksum is wrong",
    ),
    "another form of content": (
        lambda entry: _forge(entry, b'target\n"x86_64"', b'target\n["x86_64"]'), "its content has another form",
    ),
    "not JSON": (lambda entry: _forge(entry, b"version\n{", b"version\n"), "its content has another form"),
    "no head": (lambda entry: _forge(entry, b'{"fingerprint"', b'{"x"'), "its head has another form"),
    "the entry of another binary": (
        lambda entry: _forge(entry, b'"path":"/', b'"path":"/elsewhere/'), "it is about /elsewhere/",
    ),
    "too large": (lambda entry: os.truncate(entry, 3 << 20), "it is larger than"),
    "a link": (_make_link, "symbolic link"),
    "a FIFO": (_make_fifo, "not a regular file"),
    "a directory": (_make_directory, "not a regular file"),
}  # fmt: skip


@pytest.mark.fault("damaged")
@pytest.mark.parametrize("name", DAMAGE)
def test_untrusted_entry_is_set_aside(name: str, binary: Path, entry: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage, said = DAMAGE[name]
    damage(entry)
    cache = DiskCache(entry.parent, max_bytes=1 << 20)
    assert aio(cache.read(str(binary))) is None
    assert not os.path.lexists(entry)
    assert os.path.lexists(f"{entry}.bad")
    assert said in caplog.text
    # And the place is free again.
    assert aio(cache.write(*make_learned(binary)))
    assert aio(cache.read(str(binary))) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_entry_of_another_user_is_set_aside(
    cache: DiskCache, binary: Path, entry: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.chown(entry, 65534, 65534)
    assert aio(cache.read(str(binary))) is None
    assert "it belongs to user 65534" in caplog.text


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_entry_that_others_can_write_to_is_set_aside(
    cache: DiskCache, binary: Path, entry: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Its directory is ours, but may be entered by everybody, and a file in it opened by its name."""
    entry.chmod(mode)
    assert aio(cache.read(str(binary))) is None
    assert f"others can write to it ({mode:04o})" in caplog.text


def test_one_bad_file_a_name(cache: DiskCache, binary: Path, entry: Path) -> None:
    for number in range(3):
        entry.write_bytes(b"bad %d" % number)
        assert aio(cache.read(str(binary))) is None
    assert [path.read_bytes() for path in entry.parent.iterdir()] == [b"bad 2"]


@pytest.mark.parametrize(
    ("old", "new"), [(b"prober-cache %d " % FORMAT, b"prober-cache 99 "), (b'"interview":"', b'"interview":"0.0.0+')]
)
def test_entry_of_another_prober_is_no_damage(
    cache: DiskCache, binary: Path, entry: Path, old: bytes, new: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    if old.startswith(b'"'):
        _forge(entry, old, new)
    else:
        entry.write_bytes(entry.read_bytes().replace(old, new))
    assert aio(cache.read(str(binary))) is None
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert entry.exists()


@pytest.mark.fault("damaged")
@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_no_damage_is_taken_for_an_answer(cache: DiskCache, binary: Path, entry: Path, data: st.DataObject) -> None:
    learned = make_learned(binary)
    assert aio(cache.write(*learned))
    good = entry.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:place] + data.draw(st.binary(max_size=4)) + good[data.draw(st.integers(place, len(good))) :]
    entry.write_bytes(damaged)
    assert aio(cache.read(str(binary))) == (learned if damaged == good else None)


# A disk that will not have it.


@contextmanager
def _file_size_limit(size: int) -> Iterator[None]:
    """Files stop growing here, in the middle of a write, as on a full disk (EFBIG in place of ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.fault("disk")
@pytest.mark.parametrize("size", [0, 100, 1000])
def test_full_disk_keeps_the_old_entry(
    cache: DiskCache, binary: Path, entry: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    good = entry.read_bytes()
    learned = make_learned(binary)
    assert len(good) > size
    with _file_size_limit(size):
        assert aio(cache.write(*learned)) is False
    assert "cannot be written: " in caplog.text
    assert [(path.name, path.read_bytes()) for path in entry.parent.iterdir()] == [(entry.name, good)]


def test_directory_that_cannot_be_made(tmp_path: Path, binary: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache = DiskCache(tmp_path / "file/cache")
    aio(cache.open())
    assert aio(cache.write(*make_learned(binary))) is False
    assert aio(cache.read(str(binary))) is None
    assert "cannot be used" in caplog.text


@pytest.mark.fault("disk")
@pytest.mark.parametrize("step", ["opened", "written", "synced", "renamed"])
def test_error_at_each_step(binary: Path, entry: Path, step: str, caplog: pytest.LogCaptureFixture) -> None:
    good = entry.read_bytes()
    seen = []

    def fail(name: str) -> None:
        seen.append(name)
        if name == step:
            raise OSError(28, "No space left on device")

    learned, capabilities = make_learned(binary)
    newer = learned.model_copy(update={"seconds": 99.0})
    assert aio(DiskCache(entry.parent, trace=fail).write(newer, capabilities)) is False
    assert seen[-1] == step
    assert "No space left on device" in caplog.text
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]
    # After the rename the new entry is there, whole; all that is missing is its sync.
    assert (entry.read_bytes() == good) == (step != "renamed")
    assert aio(DiskCache(entry.parent).read(str(binary))) is not None


_KILLED = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from prober.capabilities.cache import DiskCache
    from tests.unit.capabilities.making import make_learned
    def kill(name):
        if name == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
    learned, capabilities = make_learned(Path(sys.argv[2]))
    cache = DiskCache(Path(sys.argv[1]), trace=kill)
    asyncio.run(cache.write(learned.model_copy(update={"seconds": 99.0}), capabilities))
"""


@pytest.mark.fault("killed")
@pytest.mark.parametrize("step", ["opened", "written", "synced", "renamed"])
def test_killed_at_each_step(cache: DiskCache, binary: Path, entry: Path, step: str) -> None:
    program = [sys.executable, "-c", textwrap.dedent(_KILLED), str(entry.parent), str(binary), step]
    done = subprocess.run(program, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, check=False)
    assert done.returncode == -signal.SIGKILL
    stored = aio(cache.read(str(binary)))
    assert stored is not None
    assert stored[0].seconds == (99.0 if step == "renamed" else 0.5)
    # What the killed writer left is removed, whatever its date.
    left = list(entry.parent.glob(".*.tmp"))
    assert len(left) == (0 if step == "renamed" else 1)
    for path in left:
        os.utime(path, (1 << 33, 1 << 33))
    aio(cache.open())
    assert not list(entry.parent.glob(".*.tmp"))


def test_what_is_being_written_is_left_alone(cache: DiskCache, binary: Path, entry: Path) -> None:
    """By another process, or by an older service that is about to end."""
    seen = []

    def look(_: str) -> None:
        aio(DiskCache(entry.parent).open())
        seen.append(len(list(entry.parent.glob(".*.tmp"))))

    learned, capabilities = make_learned(binary)
    assert aio(DiskCache(entry.parent, trace=look).write(learned, capabilities))
    assert seen == [1, 1, 1, 0]


def test_cancelled_write_is_finished(binary: Path, entry: Path) -> None:
    async def check() -> None:
        writing = asyncio.Event()
        loop = asyncio.get_running_loop()

        def trace(_: str) -> None:
            loop.call_soon_threadsafe(writing.set)

        cache = DiskCache(entry.parent, trace=trace)
        learned, capabilities = make_learned(binary)
        task = asyncio.create_task(cache.write(learned.model_copy(update={"seconds": 99.0}), capabilities))
        await writing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    aio(check())
    stored = aio(DiskCache(entry.parent).read(str(binary)))
    assert stored is not None
    assert stored[0].seconds == 99.0
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_too_large_is_not_written(tmp_path: Path, binary: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = DiskCache(tmp_path, max_bytes=1000)
    assert aio(cache.write(*make_learned(binary))) is False
    assert "is not written" in caplog.text


def test_two_writers_at_once(cache: DiskCache, binary: Path) -> None:
    async def check() -> list[bool]:
        learned, capabilities = make_learned(binary)
        return await asyncio.gather(*(cache.write(learned, capabilities) for _ in range(8)))

    assert aio(check()) == [True] * 8
    assert aio(cache.read(str(binary))) == make_learned(binary)
    assert len(list(cache.directory.iterdir())) == 1


def test_removed(cache: DiskCache, binary: Path, entry: Path) -> None:
    aio(cache.remove(str(binary)))
    aio(cache.remove(str(binary)))
    assert not entry.exists()
