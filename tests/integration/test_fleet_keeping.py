"""From nothing to a host in a store over NATS, by `prober fleet key`, `init` and `import` alone, with a real server."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fleet.nats_server import PACKAGED, Server, free_ports
from tests.integration.processes import run_prober
from tests.recordings import FIXTURES

RECORDING = FIXTURES / "qemu-5.2.0.replies.xz"


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[Server]:
    """A server whose directory has what is packaged, a place of its own for its data, and users by the command."""
    place = tmp_path / "server"
    place.mkdir()
    for path in PACKAGED.glob("*.conf"):
        shutil.copy(path, place)
    (port,) = free_ports(1)
    (place / "listen.conf").write_text(f'listen: "127.0.0.1:{port}"\nserver_name: one\n')
    storage = (place / "storage.conf").read_text()
    (place / "storage.conf").write_text(storage.replace("/var/lib/nats", str(tmp_path / "data")))
    for name, *role in (("node.1",), ("desk", "--reader"), ("admin", "--keeper")):
        done = run_prober("fleet", "key", name, *role, "--server", str(place), "-o", str(tmp_path / f"{name}.seed"))
        assert done.code == 0, done.err
    server = Server(place, port)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_a_store_is_made_once_and_changed_where_it_is_asked_for(server: Server, tmp_path: Path) -> None:
    def fleet(name: str, user: str, *words: str) -> tuple[int, str, str]:
        key = ("--credentials", str(tmp_path / f"{user}.seed")) if user else ()
        done = run_prober("fleet", name, *words, "--store", server.url, *key)
        return done.code, done.out, done.err

    def init(*words: str) -> list[list[object]]:
        code, out, err = fleet("init", "admin", "--json", *words)
        assert code == 0, err
        return [[one["stream"], one["done"], one["most_bytes"] >> 20, one["changes"]] for one in json.loads(out)]

    code, _, err = fleet("hosts", "desk", "--listen", "0")
    assert (code, "`prober fleet init` makes it" in err) == (5, True), err
    assert init() == [["KV_fleet", "made", 1024, []], ["FLEET_BUILDS", "made", 2048, []]]
    assert init("--builds-mib", "2500") == [
        ["KV_fleet", "there", 1024, []],
        ["FLEET_BUILDS", "changed", 2500, ["max_bytes"]],
    ]
    assert init() == [["KV_fleet", "there", 1024, []], ["FLEET_BUILDS", "there", 2500, []]]
    code, _, err = fleet("init", "admin", "--builds-mib", "9999")
    assert (code, "max_file_store" in err) == (5, True), err
    for user, said in (("desk", "may not publish $JS.API.STREAM.INFO"), ("node.1", "may not publish"), ("", "--cred")):
        code, _, err = fleet("init", user)
        assert (code, said in err) == (5, True), err

    imported = ("import", "node.1", str(RECORDING), "--label", "rack=7", "--name")
    code, out, err = fleet(*imported, "node.1")
    assert (code, "/usr/bin/qemu-system-x86_64" in out) == (0, True), err
    code, _, err = fleet(*imported, "node2")
    assert (code, err.count("node2 is not in the store: this user may not publish ")) == (5, 1), err
    assert "a host's key writes what is that host's" in err
    code, _, err = fleet(imported[0], "desk", *imported[2:], "node.1")
    assert (code, "is not in the store: this user may not publish" in err) == (5, True), err
    code, out, err = fleet("hosts", "desk", "--listen", "0", "--json")
    (entry,) = json.loads(out)["entries"]
    assert (entry["name"], entry["labels"]) == ("node.1", {"rack": "7"})
    assert "1 of 1 hosts were not heard" in err

    server.kill()
    with ThreadPoolExecutor() as pool:
        done = pool.submit(init)
        # In this thread: a server ends with the one that started it.
        time.sleep(1.5)
        server.start()
        assert done.result()[0][:2] == ["KV_fleet", "there"], "one that is just being started is waited for"
