"""``prober fleet … --reader``: the same answers as from the store, whoever gives them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober.fleet.giving import give_host
from prober.fleet.store.open import open_store
from prober.fleet.upgrade import Fate
from prober.service.fleet.server import ReaderSettings
from tests.fleet.reading import running_reader, until_ready
from tests.unit.cli.conftest import Run
from tests.unit.fleet.fleets import QEMU, domain, recorded, with_kvm

pytestmark = pytest.mark.slow

FILES = {"kvm.xml": domain(), "tcg.xml": domain(kind="qemu"), "none.xml": b"<x/>", "broken.xml": b"<domain>\n<"}


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A store, and the socket of its reader."""
    directory = tmp_path_factory.mktemp("fleet")
    store = f"sqlite:{directory / 'fleet.db'}"

    async def give() -> None:
        opened = await open_store(store)
        await give_host(opened, "new", [(QEMU, with_kvm("7.2.22"))], {"rack": "7"})
        await give_host(opened, "old", [(QEMU, recorded("5.2.0"))], {"rack": "8"})
        await opened.close()

    asyncio.run(give())
    with running_reader(ReaderSettings(store=store, socket=directory / "r.sock")) as client:
        until_ready(client)
        yield store, directory / "r.sock"


@pytest.mark.parametrize(
    "words",
    [
        "can kvm.xml",
        "can tcg.xml --limit 1 --where rack=7",
        "can none.xml",
        "can broken.xml",
        "can tcg.xml --where rack",
        "why kvm.xml old",
        "why tcg.xml zeta",
        "targets tcg.xml --from old",
        "targets kvm.xml --from old",
        "targets none.xml --from old",
        "upgrade --from 5.2 --to 7.2",
        "upgrade --from 5.2 --to 7.2 kvm.xml tcg.xml none.xml",
        "upgrade --from 5.2 --to 7.2 broken.xml tcg.xml",
        "upgrade --from 5.2 --to 9",
        "baseline",
        "baseline --target s390x",
        "supports virtio-net-pci",
        "supports ..",
        "drift --by rack",
        "drift",
        "hosts",
        "hosts --limit 1 --after new",
        "builds",
    ],
)
def test_both_say_the_same(run: Run, served: tuple[str, Path], words: str) -> None:
    for name, xml in FILES.items():
        Path(name).write_bytes(xml)
    store, reader = served
    for more in ((), ("--json",)):
        direct = run("fleet", *words.split(), "--store", store, *more)
        asked = run("fleet", *words.split(), "--reader", reader, *more)
        assert asked.code == direct.code, (asked, direct)
        assert without_time(asked.err) == without_time(direct.err)
        if more and direct.out.startswith("{"):
            told, expected = asked.json, direct.json
            told.pop("as_of"), expected.pop("as_of")
            assert told == expected
        else:
            assert without_time(asked.out) == without_time(direct.out)


def without_time(text: str) -> str:
    """Without when it was so."""
    return "\n".join(line.partition("as of 2")[0] for line in text.splitlines())


def test_an_upgrade_of_many_domains_is_asked_in_parts(run: Run, served: tuple[str, Path]) -> None:
    """More than one question takes, and two of one name."""
    padding = "<!-- " + "x" * 100_000 + " -->"
    for number in range(5):
        Path(f"{number}.xml").write_bytes(domain(kind="qemu", devices=padding))
    Path("latin.xml").write_bytes(domain(kind="qemu").replace(b">a<", b">\xe9<"))
    names = [f"{number}.xml" for number in range(5)]
    words = ("fleet", "upgrade", "--from", "5.2", "--to", "7.2", *names, "0.xml", "--json")
    direct = run(*words, "--store", served[0])
    asked = run(*words, "--reader", served[1])
    assert (asked.err, direct.err) == ("", "")
    told, expected = asked.json, direct.json
    assert told["domains"] == expected["domains"]
    assert sum(told["fates"][fate] for fate in Fate) == 6
    assert told["fates"] == expected["fates"]
    for who in (("--store", served[0]), ("--reader", served[1])):
        ended = run(*words[:-1], "latin.xml", *who)
        assert (ended.code, "latin.xml:1: byte 26 is not UTF-8" in ended.err) == (2, True), ended


def test_changes_are_told_of_a_reader(run: Run, served: tuple[str, Path]) -> None:
    async def change() -> None:
        opened = await open_store(served[0])
        await give_host(opened, "later", [], {})
        await opened.close()

    asyncio.run(change())
    ended = run("fleet", "watch", "--reader", served[1], "--past", "--count", "1")
    assert (ended.code, ended.out[8:]) == (0, " new later\n")
    ended = run("fleet", "watch", "--reader", served[1], "--past", "--count", "1", "--json")
    assert json.loads(ended.out)["host"] == "later"


def test_without_a_reader_it_is_said(run: Run) -> None:
    ended = run("fleet", "hosts", "--reader", "nobody.sock")
    assert ended.code == 5
    assert "there is no service on nobody.sock" in ended.err
    assert run("fleet", "serve", "--socket", "r.sock").code == 2
    assert run("fleet", "serve", "--socket", "r.sock", "--store", "sqlite:/nonexistent/x").code == 5
