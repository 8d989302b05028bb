"""The typed clients against a real service, over its restart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober import AsyncServiceClient, ChangesLost, RefusedError, ServiceClient, Verdict
from prober.errors import UnknownBinaryError, UsageError
from tests.conftest import CHECKOUT, aio
from tests.integration.service_process import Service, start_ready_service
from tests.recordings import FIXTURES

DOMAINS = CHECKOUT / "fixtures" / "domains"


def options(directory: Path) -> list[object]:
    (directory / "none").mkdir(exist_ok=True)
    return ["--directory", directory / "none", "--replies", FIXTURES / "qemu-10.0.13.replies.xz"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("service")
    with start_ready_service(directory, *options(directory), shared=True) as started:
        yield started


def test_every_question_is_answered_by_its_model(service: Service) -> None:
    with ServiceClient(service.socket) as client:
        assert client.health().status == "ok"
        (entry,) = client.binaries()
        ident = entry.id
        assert client.binary(ident).state == "ready"
        assert client.ready().status == "ready"
        assert client.refresh(ident).id == ident
        assert client.supports(ident, "e1000.mac").verdict is Verdict.present
        assert "e1000" in (client.types(ident).types or {})
        assert client.type(ident, "e1000").properties
        assert client.machines(ident).machines
        assert client.cpus(ident).cpus
        assert client.commands(ident).commands
        assert client.command(ident, "device_add").members is not None
        assert client.capabilities(ident).has("e1000.mac")
        assert client.domcapabilities(ident, machine="q35").binary
        assert client.labels(ident).labels
        assert client.host()
        translation = client.translate((DOMAINS / "example.xml").read_bytes(), ident)
        assert client.check_argv(translation.argv, ident).clean
        with pytest.raises(RefusedError) as refused:
            client.translate((DOMAINS / "refused.xml").read_text(), ident)
        assert [getattr(one, "rule", "") for one in refused.value.refusals] == ["domain/check-hotplug"]
        with pytest.raises(UnknownBinaryError):
            client.binary("nobody")
        with pytest.raises(UsageError):
            client.type(ident, "nothing")
        with pytest.raises(UsageError):
            client.supports(ident, "")


def test_many_are_asked_at_once_without_blocking(service: Service) -> None:
    async def ask() -> list[str]:
        async with AsyncServiceClient(service.socket) as client:
            (entry,) = await client.binaries()
            facts = ["e1000", "virtio-net-pci.mac", "no-such-type", "virtio-rng-pci"] * 5
            told = await asyncio.gather(*(client.supports(entry.id, fact) for fact in facts))
            return [one.verdict.value for one in told]

    assert aio(ask()) == ["present", "present", "absent", "present"] * 5


def test_changes_come_as_they_happen_and_go_on_over_a_restart(tmp_path: Path) -> None:
    found: list[object] = []
    with start_ready_service(tmp_path, *options(tmp_path)) as first:
        client = ServiceClient(first.socket, patience=30)
        client.binary("qemu-10.0.13")
        lost = next(client.events(since="0-0", wait=1))
        assert isinstance(lost, ChangesLost)
        # From the beginning of this service's life on.
        events = client.events(since=f"{lost.id.partition('-')[0]}-0", wait=1)
        learned = next(events)
        assert not isinstance(learned, ChangesLost)
        assert learned.kind == "learned"

        async def first_of_async() -> object:
            async with AsyncServiceClient(first.socket, patience=30) as awaited:
                return await anext(awaited.events(since="0-0", wait=1))

        assert isinstance(aio(first_of_async()), ChangesLost)
        listening = threading.Thread(target=lambda: found.append(next(events)), daemon=True)
        listening.start()
    with start_ready_service(tmp_path, *options(tmp_path)):
        listening.join(60)
        assert isinstance(found[0], ChangesLost)
        assert client.health().status == "ok"
    client.close()
