"""A QEMU that is interviewed gets nowhere, whatever it tries: told by one that tries (``inquisitive``)."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from prober.qemu.box.forms import Confined
from prober.qemu.interview import Interview, interview
from tests.conftest import CHECKOUT, make_open_directory
from tests.fakes.making import EVERYBODYS_PYTHON
from tests.integration.somebody import SOMEBODY, as_somebody

pytestmark = [pytest.mark.slow, pytest.mark.needs("bubblewrap")]

root_alone = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

#: Where everybody may write on most hosts; whether anything came there is looked up on the host.
_DIRECTORIES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/usr", "/")

#: What is still done by a QEMU in the weak form without Landlock, as the service's own user: all that files allow.
_WITHOUT_LANDLOCK = {
    "read a file of the host",
    "read /etc/passwd",
    "list the cache",
    "read an entry of the cache",
    "write where everybody may",
    "write to the cache",
    "write to an entry",
    "remove an entry",
    "rename an entry",
}


@dataclass(frozen=True)
class Bench:
    """The binary that tries, a cache with an entry, and what else it may find."""

    binary: Path
    cache: Path
    mark: str
    base: Path


@pytest.fixture(name="bench")
def _bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        base = stack.enter_context(make_open_directory())
        for name, mode in (("qemu/bin", 0o755), ("open", 0o777), ("cache", 0o700)):
            (base / name).mkdir(parents=True)
            (base / name).chmod(mode)
        cache = base / "cache"
        (cache / "entry").write_text("believed")
        (base / "secret").write_text("secret")
        path = socket.socket(socket.AF_UNIX)
        path.bind(str(base / "socket"))
        (base / "socket").chmod(0o777)
        abstract, tcp = socket.socket(socket.AF_UNIX), socket.socket()
        abstract.bind(f"\0{base.name}")
        tcp.bind(("127.0.0.1", 0))
        for listener in (path, abstract, tcp):
            stack.enter_context(listener)
            listener.listen()
        buffer = ctypes.create_string_buffer(b"memories")
        places = {
            "secret": str(base / "secret"),
            "open": str(base / "open"),
            "cache": str(cache),
            "entry": str(cache / "entry"),
            "socket": str(base / "socket"),
            "abstract": base.name,
            "port": tcp.getsockname()[1],
            "address": ctypes.addressof(buffer),
            "directories": _DIRECTORIES,
            "mark": base.name,
        }
        binary = base / "qemu/bin/qemu-inquisitive"
        source = (CHECKOUT / "tests/fakes/inquisitive.py").read_text()
        binary.write_text(f"#!{EVERYBODYS_PYTHON} -S\n{source}\n\nmain({places!r})\n")
        binary.chmod(0o755)
        yield Bench(binary, cache, base.name, base)


def ask(bench: Bench, accel: Literal["auto", "tcg"] = "tcg") -> Interview:
    """The interview, with a descriptor at hand that any child inherits which is not kept from it."""
    secret = os.open(bench.base / "secret", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        return asyncio.run(interview(bench.binary, accel=accel))
    finally:
        os.close(secret)


def told_by(found: Interview) -> dict[str, Any]:
    """What the binary says of itself."""
    (version,) = (one.reply for one in found.recording.parts[0].exchanges if one.command == "query-version")
    assert isinstance(version, dict)
    told: dict[str, Any] = json.loads(str(version["package"]))
    return told


def left(bench: Bench) -> list[str]:
    """What came to be on the host."""
    places = [Path(directory) / bench.mark for directory in _DIRECTORIES if directory != "/tmp"]
    found = [str(place) for place in places if place.exists()]
    found += [str(path) for path in bench.base.rglob("left-behind")]
    return found + [str(path) for path in Path("/tmp").glob(bench.mark) if not path.is_dir()]


def check(bench: Bench, found: Interview, form: Confined) -> None:
    """That it saw nothing and got nothing done."""
    told = told_by(found)
    assert found.confinement == form
    done = [name for name in told["done"] if not name.startswith(("write to /tmp", "write to /dev/shm"))]
    assert done == []
    assert left(bench) == []
    assert (bench.cache / "entry").read_text() == "believed"
    assert bench.cache.stat().st_mode & 0o777 == 0o700
    check_what_it_has(told)


def check_what_it_has(told: dict[str, Any]) -> None:
    """QMP, its standard error, three variables, limits and no rights, in every form."""
    assert told["descriptors"] == {"0": "socket", "1": "socket", "2": "pipe"}
    assert set(told["environment"]) - {"PWD", "LC_CTYPE"} <= {
        "LC_ALL",
        "PATH",
        "HOME",
        "TMPDIR",
    }
    assert told["directory"] == "/"
    assert told["capabilities"] == 0
    assert (told["no_new_privs"], told["seccomp"]) == (1, 2)
    limits = told["limits"]
    assert limits["CORE"] == 0
    assert 0 < limits["CPU"] <= 60
    assert 0 < limits["NOFILE"] <= 1024
    assert limits["FSIZE"] == 1 << 30
    assert limits["NPROC"] > 0


def without_bubblewrap(monkeypatch: pytest.MonkeyPatch, abi: int | None = None) -> None:
    """Find nothing but the weak form; ``abi`` is what the kernel is taken to have of Landlock."""
    monkeypatch.setattr("prober.qemu.box.find._PATH", "/nonexistent")
    monkeypatch.setattr("prober.qemu.box.find._found", {})
    if abi is not None:
        monkeypatch.setattr("prober.qemu.box.find.find_abi", lambda: abi)


@pytest.mark.parametrize("accel", ["tcg", "auto"])
def test_in_a_box_of_bubblewrap(bench: Bench, accel: Literal["auto", "tcg"]) -> None:
    found = ask(bench, accel)
    check(bench, found, "bubblewrap")
    assert set(found.unconfined) <= {
        "It runs as root on the host, in a user namespace that shows it as nobody.",  # where /dev/kvm is root's alone
        "It has no /proc: a fresh one cannot be mounted here.",
        "It could make further user namespaces.",
    }


@root_alone
def test_in_the_weak_form_of_root(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    without_bubblewrap(monkeypatch)
    found = ask(bench)
    check(bench, found, "weak")
    assert told_by(found)["user"] == [65534, 65534, []]
    assert "QEMU has no view of its own" in found.unconfined[0]


@root_alone
@pytest.mark.parametrize("abi", [None, 5, 2, 1])
def test_in_the_weak_form_of_an_ordinary_user(bench: Bench, monkeypatch: pytest.MonkeyPatch, abi: int | None) -> None:
    """As under prober.service, which may make no namespaces: also with the Landlock of Debian 12's kernel (2)."""
    without_bubblewrap(monkeypatch, abi)
    for path in (bench.cache, bench.cache / "entry"):
        os.chown(path, SOMEBODY, SOMEBODY)
    found = as_somebody(lambda: ask(bench))
    check(bench, found, "weak")
    assert "It runs as our own user." in found.unconfined


@root_alone
def test_what_is_not_held_without_landlock_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    without_bubblewrap(monkeypatch, 0)
    for path in (bench.cache, bench.cache / "entry"):
        os.chown(path, SOMEBODY, SOMEBODY)
    found = as_somebody(lambda: ask(bench))
    told = told_by(found)
    assert found.confinement == "weak"
    assert any(sentence.startswith("Without Landlock: ") for sentence in found.unconfined)
    assert {name for name in told["done"] if not name.startswith("write to /")} <= _WITHOUT_LANDLOCK
    check_what_it_has(told)
    for directory in _DIRECTORIES:
        place = Path(directory) / bench.mark
        if place.is_file():
            place.unlink()


def test_the_one_that_tries_gets_it_done_where_nothing_holds_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at above would show it."""
    monkeypatch.setattr("prober.qemu.interview.find_box", _nothing)
    told = told_by(found := ask(bench))
    assert found.confinement == "none"
    assert "no confinement today" in found.unconfined[1]
    expected = {"read a file of the host", "write to the cache", "connect over TCP", "connect to a socket's path"}
    assert expected <= set(told["done"])
    assert {"signal the service", "read the service's memory", "read the service's environment"} <= set(told["done"])
    for directory in _DIRECTORIES:
        place = Path(directory) / bench.mark
        if place.is_file():
            place.unlink()


async def _nothing(**_: object) -> None:
    from prober.errors import ConfinementError

    raise ConfinementError("no confinement today")
