"""What a reader says of itself: its routes, the document about them, and answers of the forms that are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator  # which schemathesis brings

from prober.service.client import Client
from prober.service.fleet.openapi import describe_reader
from prober.service.fleet.routes import ROUTES
from prober.service.fleet.server import ReaderSettings
from prober.service.routes import DESCRIPTION
from tests.fleet.reading import running_reader, until_ready
from tests.recordings import ROOT
from tests.unit.fleet.fleets import domain, recorded, with_kvm
from tests.unit.service.test_fleet_reader import give

XML = domain(kind="qemu", machine="q35")

#: A question to each route, with the body that it takes.
ASKED = {
    "/v1/fleet/can": ("/v1/fleet/can?limit=1", XML),
    "/v1/fleet/hosts/{host}/why": ("/v1/fleet/hosts/old/why", domain()),
    "/v1/fleet/targets": ("/v1/fleet/targets?from=old", XML),
    "/v1/fleet/upgrade": ("/v1/fleet/upgrade?from=5.2&to=7.2", XML),
    "/v1/fleet/baseline": ("/v1/fleet/baseline", None),
    "/v1/fleet/supports": ("/v1/fleet/supports?fact=virtio-net-pci", None),
    "/v1/fleet/drift": ("/v1/fleet/drift", None),
    "/v1/fleet/hosts": ("/v1/fleet/hosts", None),
    "/v1/fleet/builds": ("/v1/fleet/builds", None),
    "/v1/fleet/changes": ("/v1/fleet/changes", None),
    "/healthz": ("/healthz", None),
    "/readyz": ("/readyz", None),
}

#: What is answered as something else than JSON.
OTHER_MEDIA = {"/metrics": "text/plain", "/v1/fleet/events": "text/event-stream"}


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory = tmp_path_factory.mktemp("fleet")
    store = f"sqlite:{directory / 'fleet.db'}"
    give(store, {"new": with_kvm("7.2.22"), "old": recorded("5.2.0")}, rack="7")
    with running_reader(ReaderSettings(store=store, socket=directory / "r.sock")) as client:
        until_ready(client)
        yield client


@pytest.fixture(scope="module", name="schema")
def _schema() -> Any:
    return json.loads(describe_reader())


def _operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_what_the_reader_gives(client: Client) -> None:
    for _ in range(2):
        assert client.fetch(DESCRIPTION.path) == (200, describe_reader())
    assert client.get(f"{DESCRIPTION.path}?x=1").ok


def test_each_route_is_described_and_no_other(schema: Any) -> None:
    assert {(method.upper(), path) for path, method, _ in _operations(schema)} == {(r.method, r.path) for r in ROUTES}
    for path, _, operation in _operations(schema):
        for status, response in operation["responses"].items():
            good = OTHER_MEDIA.get(path, "application/json")
            assert set(response["content"]) == {good if status == "200" else "application/problem+json"}
    names = [operation["operationId"] for _, _, operation in _operations(schema)]
    assert len(set(names)) == len(names)


def test_the_document_has_each_route_with_what_it_takes() -> None:
    """The table of docs/fleet.md, route by route and parameter by parameter."""
    text = (ROOT / "docs/fleet.md").read_text()
    table = text.partition("| route | what it takes |\n")[2].partition("\n\n")[0]
    told: dict[tuple[str, str], set[str]] = {}
    for row in table.splitlines()[1:]:
        routes, takes = row.strip("| ").split(" | ")
        for method, path in re.findall(r"`([A-Z]+) (\S+)`", routes):
            told[method, path] = set(re.findall(r"`([\w-]+)`", takes))
    expected = {(route.method, route.path): route for route in (*ROUTES, DESCRIPTION)}
    assert told.keys() == expected.keys()
    for key, names in told.items():
        route = expected[key]
        assert names == {one.name for one in (*(route.query or ()), *route.headers)}, key


@pytest.mark.parametrize("path", ASKED)
def test_answers_have_the_form_that_is_told(client: Client, schema: Any, path: str) -> None:
    (operation,) = schema["paths"][path].values()
    asked, body = ASKED[path]
    reply = client.get(asked) if body is None else client.post(asked, body)
    assert reply.status == 200
    _check(schema, operation["responses"]["200"], reply.value)
    if operation.get("parameters"):
        refused = client.get(f"{path}?zeta=1") if body is None else client.post(f"{path}?zeta=1", XML)
        assert refused.status == 400
        _check(schema, operation["responses"]["400"], refused.value)


def test_all_that_is_json_was_asked() -> None:
    assert ASKED.keys() | OTHER_MEDIA.keys() == {route.path for route in ROUTES}


def _check(schema: Any, response: Any, value: Any) -> None:
    """Whether this is what the response is described as, and has no more than that."""
    (content,) = response["content"].values()
    told = {**content["schema"], "components": schema["components"]}
    problems = [error.message for error in Draft202012Validator(told).iter_errors(value)]
    assert problems == []
    with pytest.raises(AssertionError):  # The check can fail.
        assert list(Draft202012Validator(told).iter_errors([])) == []
