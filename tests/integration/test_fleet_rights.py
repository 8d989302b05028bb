"""What hosts and readers may not do on the server, whatever they send, under the rights of packaging/nats."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from prober.errors import StoreError
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Beat, Held
from tests.conftest import aio
from tests.fleet.nats_server import start_server
from tests.fleet.users import Fleet, Raw, Users, make_keys, start_fleet
from tests.unit.fleet.store_contract import PATIENCE, make_blob, until_caught_up

pytestmark = pytest.mark.needs("setpriv")

NAME, BLOB = make_blob(b"a build")
OTHER = "A" * 27

#: What nobody but an administrator may ask of JetStream.
API = (
    *("INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.CREATE.other", "STREAM.DELETE.KV_fleet"),
    *("STREAM.DELETE.FLEET_BUILDS", "STREAM.PURGE.KV_fleet", "STREAM.PURGE.FLEET_BUILDS", "STREAM.MSG.GET.KV_fleet"),
    *("STREAM.MSG.DELETE.KV_fleet", "STREAM.MSG.DELETE.FLEET_BUILDS", "STREAM.SNAPSHOT.KV_fleet"),
    *("STREAM.RESTORE.KV_fleet", "STREAM.LEADER.STEPDOWN.KV_fleet", "STREAM.PEER.REMOVE.KV_fleet"),
    *("CONSUMER.CREATE.FLEET_BUILDS", "CONSUMER.CREATE.FLEET_BUILDS.x.builds.>", "CONSUMER.DELETE.KV_fleet.x"),
    *("CONSUMER.DURABLE.CREATE.KV_fleet.x", "CONSUMER.CREATE.KV_fleet", "CONSUMER.CREATE.KV_fleet.x"),
    *("CONSUMER.CREATE.KV_fleet.x.>", "CONSUMER.CREATE.KV_fleet.x.$KV.fleet.>", "CONSUMER.MSG.NEXT.KV_fleet.x"),
    *("CONSUMER.LIST.KV_fleet", "META.LEADER.STEPDOWN", "SERVER.REMOVE", "ACCOUNT.PURGE.FLEET"),
    *("DIRECT.GET.KV_fleet", "DIRECT.GET.KV_fleet.$KV.fleet.leases.b"),
)

#: What is the keeper's alone.
KEEPERS = ("STREAM.CREATE.KV_fleet", "STREAM.UPDATE.KV_fleet", "STREAM.INFO.KV_fleet", "STREAM.UPDATE.FLEET_BUILDS")

#: What is the readers' and the keeper's.
READERS = (
    *("CONSUMER.CREATE.KV_fleet.x.$KV.fleet.hosts.*", "DIRECT.GET.KV_fleet.$KV.fleet.hosts.b"),
    "CONSUMER.CREATE.KV_fleet.x.$KV.fleet.hosts.b",
)

#: What belongs to another host, or to nobody.
STRANGE = (
    *(
        "$KV.fleet.hosts.b",
        "$KV.fleet.leases.b",
        f"builds.{OTHER}.b",
        "beats.b",
        "$KV.fleet.hosts",
        "$KV.fleet.other.a",
    ),
    *(
        "$KV.fleet.hosts.a.b",
        "$KV.other.hosts.a",
        f"builds.{OTHER}.a.b",
        "builds.a",
        "_INBOX.x",
        "$SYS.REQ.SERVER.PING",
    ),
    *("$JS.ACK.KV_fleet.x.1.1.1.1.0", "x", "$SRV.PING"),
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with start_fleet(tmp_path_factory.mktemp("fleet")) as started:
        yield started


async def _before(users: Users) -> dict[str, bytes]:
    """What two hosts have said, and a build that b has put."""
    a, b = await users.open("a"), await users.open("b")
    await a.put("hosts.a", b"a's own")
    await b.put("hosts.b", b"b's own")
    await b.blob(NAME, BLOB, host="b")
    return {"hosts.a": b"a's own", "hosts.b": b"b's own"}


async def _after(users: Users) -> dict[str, bytes]:
    """What the store has now, and that the build is there."""
    reader = await users.open("reader")
    assert await reader.blob(NAME) == BLOB
    async with aclosing(reader.watch("hosts.")) as events:
        return {event.key: event.value for event in await until_caught_up(events) if isinstance(event, Held)}


def _refused(said: str, subject: str) -> bool:
    return said.startswith("permissions violation for") and subject.lower() in said


def test_a_host_publishes_its_own_subjects_and_no_others(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            before, raw = await _before(users), await users.raw("a")
            for subject in (*STRANGE, *(f"$JS.API.{one}" for one in (*API, *KEEPERS, *READERS))):
                assert _refused(await raw.publish(subject, b"x", reply=f"{raw.inbox}.x"), subject), subject
            assert await _after(users) == before

    aio(run())


def test_a_reader_only_reads(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            before, raw = await _before(users), await users.raw("reader")
            own = ("$KV.fleet.hosts.a", f"builds.{OTHER}.a", "beats.a", "$KV.fleet.hosts.reader")
            for subject in (*own, *STRANGE, *(f"$JS.API.{one}" for one in (*API, *KEEPERS))):
                assert _refused(await raw.publish(subject, b"x", reply=f"{raw.inbox}.x"), subject), subject
            assert await _after(users) == before

    aio(run())


def test_the_keeper_can_delete_and_purge_nothing(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            before, raw = await _before(users), await users.raw("keeper")
            for subject in (f"$JS.API.{one}" for one in API):
                assert _refused(await raw.publish(subject, b"x", reply=f"{raw.inbox}.x"), subject), subject
            assert await _after(users) == before

    aio(run())


@pytest.mark.parametrize("name", ["a", "reader", "keeper"])
def test_nobody_listens_to_what_is_others(fleet: Fleet, name: str) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            raw, others = await users.raw(name), await users.raw("b")
            heard = () if name == "reader" else ("beats.*", "beats.b")
            wide = (
                ">",
                "*",
                "*.>",
                "_INBOX.>",
                "_INBOX.*",
                "$KV.>",
                "$KV.fleet.hosts.a",
                "builds.>",
                "$JS.>",
                "$SYS.>",
            )
            for subject in (*wide, *heard, f"{others.inbox}.>", f"{others.inbox}.x"):
                assert _refused(await raw.subscribe(subject), subject), subject
            assert await raw.subscribe(f"{raw.inbox}.x") == ""

    aio(run())


async def _attack(raw: Raw, victim: str) -> None:
    """Have the server write to a subject that is another's, by naming it for the answer."""
    assert await raw.publish(f"builds.{OTHER}.a", b"what a says of b") == ""
    get = f"$JS.API.DIRECT.GET.FLEET_BUILDS.builds.{OTHER}.a"
    asked = b'{"seq":0,"next_by_subj":"builds.%s.a"}' % OTHER.encode()
    await raw.publish("$KV.fleet.hosts.a", b"a's own", reply=victim)
    await raw.publish(f"builds.{'B' * 27}.a", b"x", reply=victim)
    await raw.publish("$JS.API.DIRECT.GET.FLEET_BUILDS", asked, reply=victim)
    await raw.publish("$JS.API.DIRECT.GET.KV_fleet.$KV.fleet.hosts.a", reply=victim)
    await raw.publish(get, reply=victim)
    await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    "victim",
    [
        "$KV.fleet.hosts.b",
        f"builds.{OTHER}.b",
        "$JS.API.STREAM.PURGE.KV_fleet",
        "$JS.API.STREAM.MSG.DELETE.KV_fleet",
        "$JS.API.CONSUMER.CREATE.KV_fleet",
        "$JS.API.DIRECT.GET.FLEET_BUILDS",
    ],
)
def test_an_answer_that_is_to_go_to_anothers_subject_goes_nowhere(fleet: Fleet, victim: str) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            before, raw = await _before(users), await users.raw("a")
            await _attack(raw, victim)
            assert await _after(users) == before
            keeper = await users.raw("keeper")
            assert b'"num_subjects"' in await keeper.ask("$JS.API.STREAM.INFO.FLEET_BUILDS")
            subjects = await keeper.ask("$JS.API.STREAM.INFO.FLEET_BUILDS", b'{"subjects_filter":"builds.*.b"}')
            assert f"builds.{NAME}.b".encode() in subjects
            assert f"builds.{OTHER}.b".encode() not in subjects

    aio(run())


def test_in_one_account_it_would_go_there_and_count_for_nothing(tmp_path: Path) -> None:
    """Why hosts have an account of their own; and that readers give nothing for what the server itself has sent."""
    keys, files = make_keys(tmp_path / "keys")
    keys.others.extend(keys.hosts)
    keys.hosts.clear()
    with start_server(tmp_path / "server", keys) as server:

        async def run() -> None:
            async with Fleet(server, files).users() as users:
                before, raw = await _before(users), await users.raw("a")
                await _attack(raw, "$KV.fleet.hosts.b")
                assert await _after(users) == {**before, "hosts.b": b""}

        aio(run())


def test_no_answer_is_a_heartbeat(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            await _before(users)
            raw, host, reader = await users.raw("a"), await users.open("gone"), await users.open("reader")
            await raw.publish(f"builds.{'C' * 27}.a", b"7")
            async with aclosing(reader.beats()) as beats, asyncio.timeout(PATIENCE):
                heard = asyncio.ensure_future(anext(beats))
                await asyncio.sleep(0.1)
                await _attack(raw, "beats.b")
                asked = b'{"seq":0,"next_by_subj":"builds.%s.a"}' % (b"C" * 27)
                await raw.publish("$JS.API.DIRECT.GET.FLEET_BUILDS", asked, reply="beats.b")
                while not heard.done():
                    await host.beat("gone", 1)
                    await asyncio.sleep(0.05)
                assert await heard == Beat("gone", 1)

    aio(run())


def test_a_host_takes_away_its_own_record_alone(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            before, raw = await _before(users), await users.raw("a")
            for headers in (
                {"Nats_Rollup": "all"},
                {"Nats_Rollup": "sub"},
                {"Nats_Rollup": "all", "KV_Operation": "PURGE"},
                {"Nats_Msg_Id": "x", "Nats_TTL": "1s"},
            ):
                await raw.publish("$KV.fleet.hosts.a", b"", **headers)
            await raw.publish("$KV.fleet.hosts.a", b"", KV_Operation="PURGE")
            assert await _after(users) == {"hosts.b": before["hosts.b"]}

    aio(run())


def test_nobody_comes_in_without_a_key(fleet: Fleet) -> None:
    async def run() -> None:
        store = await open_store(fleet.server.url)
        try:
            # A server that closes at once may take its words along.
            with pytest.raises(StoreError, match=r"(?i)authorization|cannot be reached: .*reset by peer"):
                await store.get("hosts.a")
        finally:
            await store.close()

    aio(run())
