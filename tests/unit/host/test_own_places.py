"""Where an ordinary user's service keeps what it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.host.own_places import is_ordinary, own_cache, own_file, own_socket
from prober.service.configuration import read_configuration
from prober.service.settings import DEFAULT_CACHE, DEFAULT_SOCKET


@pytest.fixture(name="session")
def _session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The session of an ordinary user, who has directories of his own."""
    for name in ("RUNTIME_DIR", "CACHE_HOME", "CONFIG_HOME"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    for name in ("CACHE_DIRECTORY", "RUNTIME_DIRECTORY", "LISTEN_FDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    return tmp_path


def test_the_directories_are_those_of_the_session(session: Path) -> None:
    settings = read_configuration().settings
    assert settings is not None
    assert settings.socket == session / "RUNTIME_DIR" / "prober" / "prober.sock"
    assert settings.catalog.cache_dir == session / "CACHE_HOME" / "prober"
    assert settings.prover_socket is None


def test_the_users_own_file_is_read_where_he_has_one(session: Path) -> None:
    file = session / "CONFIG_HOME" / "prober" / "prober.toml"
    assert read_configuration().file != file
    file.parent.mkdir()
    file.write_text("workers = 7\nsocket = '/x.sock'\n")
    read = read_configuration()
    assert read.settings is not None
    assert (read.file, read.settings.workers, read.settings.socket) == (file, 7, Path("/x.sock"))


@pytest.mark.parametrize("name", ["CACHE_DIRECTORY", "LISTEN_FDS"])
def test_a_unit_has_those_of_the_system(session: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    assert not is_ordinary()
    assert session.is_dir()
    settings = read_configuration().settings
    assert settings is not None
    assert (settings.socket, settings.catalog.cache_dir) == (DEFAULT_SOCKET, DEFAULT_CACHE)


def test_without_a_session_there_is_a_home() -> None:
    bare = {"HOME": "/home/u", "XDG_CACHE_HOME": "relative"}
    assert own_cache(bare) == Path("/home/u/.cache/prober")
    assert own_file(bare) == Path("/home/u/.config/prober/prober.toml")
    assert own_socket({**bare, "XDG_RUNTIME_DIR": "/nonexistent"}) == Path("/home/u/.cache/prober/prober.sock")
