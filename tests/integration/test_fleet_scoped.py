"""Hosts that a server knows by JWTs of one signing key; and a server that is reached over TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from prober.errors import StoreError
from prober.fleet.store.keeping import make_streams
from prober.fleet.store.open import open_store
from tests.conftest import aio
from tests.fleet.nats_server import Keys, start_server
from tests.fleet.scoped import Operator
from tests.fleet.users import Fleet, start_fleet
from tests.unit.fleet import store_contract
from tests.unit.fleet.store_contract import Opened

pytestmark = [pytest.mark.needs("setpriv"), pytest.mark.needs("openssl")]


@pytest.fixture(scope="module")
def scoped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("scoped")
    operator = Operator()
    users = (("host", "a"), ("host", "b"), ("host", "rack7=03"), ("reader", "reader"), ("keeper", "keeper"))
    files = {name: operator.write_credentials(directory / f"{name}.creds", role, name) for role, name in users}
    with start_server(directory / "server", Keys(directory), accounts=operator.configuration()) as server:
        yield Fleet(server, files)


@pytest.mark.parametrize(
    "clause", [store_contract.each_of_several_watches_tells_everything, store_contract.a_blob_is_kept_under_its_content]
)
def test_the_store_is_the_same_by_a_signing_key(scoped: Fleet, clause: Callable[[Opened], Awaitable[None]]) -> None:
    async def run() -> None:
        async with scoped.users() as users:
            await (await users.open("a")).put("hosts.a", b"")
            await clause(users)

    aio(run())


def test_the_name_in_a_hosts_token_is_what_it_may_write(scoped: Fleet) -> None:
    async def run() -> None:
        async with scoped.users() as users:
            dotted, raw = await users.open("rack7=03"), await users.raw("a")
            await dotted.put("hosts.rack7.03", b"one")
            assert await dotted.lease("rack7.03", "me", 10)
            await dotted.beat("rack7.03", 1)
            with pytest.raises(StoreError, match="may not publish"):
                await dotted.put("hosts.rack7", b"one")
            own = ("$KV.fleet.hosts.a", "beats.a", f"builds.{'A' * 27}.a")
            for subject in own:
                assert await raw.publish(subject, b"x") == "", subject
            for subject in (
                *(one[:-1] + "b" for one in own),
                "$JS.API.STREAM.INFO.KV_fleet",
                "$KV.fleet.hosts.rack7=03",
            ):
                assert subject.lower() in await raw.publish(subject, b"x"), subject
            for subject in ("_INBOX.>", "$KV.>", "beats.*"):
                assert subject.lower() in (await raw.subscribe(subject)).lower(), subject
            await raw.publish("$KV.fleet.hosts.a", b"x", reply="$KV.fleet.hosts.b")
            assert await (await users.open("reader")).get("hosts.b") is None

    aio(run())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's certificate for 127.0.0.1, its own authority, and its key, in one directory."""
    directory = tmp_path_factory.mktemp("tls")
    words = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ("-days", "2", "-subj", "/CN=fleet", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem"))
    subprocess.run([*words, *names, *files], check=True, capture_output=True)
    (directory / "key.pem").chmod(0o600)
    return directory


def _of(url: str, certificate: Path, options: str = "?ca={}/cert.pem") -> str:
    return url.replace("nats://", "tls://") + options.format(certificate)


def test_tls_is_spoken_with_whom_one_knows(certificate: Path, tmp_path: Path) -> None:
    tls = f'tls {{ cert_file: "{certificate}/cert.pem", key_file: "{certificate}/key.pem" }}'
    with start_fleet(tmp_path, listen=tls) as fleet:

        async def run() -> None:
            url = _of(fleet.server.url, certificate)
            await make_streams(url, fleet.files["keeper"])
            async with AsyncExitStack() as stack:
                store = await open_store(url, fleet.files["a"])
                stack.push_async_callback(store.close)
                revision = await store.put("hosts.a", b"one")
                stranger = await open_store(fleet.server.url.replace("nats:", "tls:"), fleet.files["a"])
                stack.push_async_callback(stranger.close)
                with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
                    await stranger.get("hosts.a")
                held = await store.get("hosts.a")
                assert held is not None and held.revision == revision

        aio(run())


def test_a_server_without_tls_is_not_spoken_to_where_it_is_demanded(certificate: Path, tmp_path: Path) -> None:
    with start_fleet(tmp_path) as fleet:

        async def run() -> None:
            store = await open_store(_of(fleet.server.url, certificate), fleet.files["a"])
            try:
                with pytest.raises(StoreError, match=r"(?i)secure|tls"):
                    await store.put("hosts.a", b"one")
            finally:
                await store.close()

        aio(run())


def test_a_certificate_of_ones_own_is_shown_to_who_asks(certificate: Path, tmp_path: Path) -> None:
    pair = f'cert_file: "{certificate}/cert.pem", key_file: "{certificate}/key.pem"'
    with start_fleet(tmp_path, listen=f'tls {{ {pair}, ca_file: "{certificate}/cert.pem", verify: true }}') as fleet:

        async def run() -> None:
            own = _of(fleet.server.url, certificate, "?ca={0}/cert.pem&cert={0}/cert.pem&key={0}/key.pem")
            await make_streams(own, fleet.files["keeper"])
            with pytest.raises(StoreError, match="cannot be reached"):
                await make_streams(_of(fleet.server.url, certificate), fleet.files["keeper"])

        aio(run())
