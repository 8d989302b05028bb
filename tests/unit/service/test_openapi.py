"""What the service says of itself: every route and model, and docs/api.md beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest

from prober.proof.watched import WorkStep
from prober.service.api_examples import example_answers
from prober.service.fleet.openapi import describe_reader
from prober.service.openapi import describe
from prober.service.watching import STEPS_TYPE
from tests.recordings import ROOT

#: What is answered as something else than JSON.
IN_STEPS = {f"/v1/binaries/{{id}}/{name}" for name in ("prove", "plug", "migrate")}
OTHER_MEDIA = {"/metrics": "text/plain", "/v1/events": "text/event-stream"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(describe())


@pytest.mark.parametrize("describes", [describe, describe_reader])
def test_the_version_of_a_qemu_has_one_form(describes: Callable[[], bytes]) -> None:
    """Prober's own, which its health tells, is text."""
    models = json.loads(describes())["components"]["schemas"]
    keys = {name: model.get("properties", {}) for name, model in models.items()}
    forms = {name: told["version"] for name, told in keys.items() if "version" in told}
    health = forms.pop("Health", None) or forms.pop("FleetHealth")
    assert health["type"] == "string"
    assert len(forms) > 2
    one = {"$ref": "#/components/schemas/Version"}
    assert {name: form for name, form in forms.items() if one not in (form, *form.get("anyOf", ()))} == {}


def _routes(schema: Any) -> set[str]:
    return {f"{method} {path}" for path, methods in schema["paths"].items() for method in methods}


def test_every_route_and_model_is_described(schema: Any) -> None:
    assert _routes(schema) == {
        "get /healthz",
        "get /metrics",
        "get /readyz",
        "get /v1/binaries",
        "get /v1/binaries/{id}",
        "get /v1/binaries/{id}/capabilities",
        "get /v1/binaries/{id}/commands",
        "get /v1/binaries/{id}/commands/{command}",
        "get /v1/binaries/{id}/cpus",
        "get /v1/binaries/{id}/domcapabilities",
        "get /v1/binaries/{id}/labels",
        "get /v1/binaries/{id}/machines",
        "get /v1/binaries/{id}/supports",
        "get /v1/binaries/{id}/types",
        "get /v1/binaries/{id}/types/{typename}",
        "get /v1/changes",
        "get /v1/events",
        "get /v1/doctor",
        "get /v1/host",
        "post /v1/binaries/{id}/migrate",
        "post /v1/binaries/{id}/plug",
        "post /v1/binaries/{id}/plug-commands",
        "post /v1/binaries/{id}/prove",
        "post /v1/binaries/{id}/refresh",
        "post /v1/binaries/{id}/state",
        "post /v1/binaries/{id}/state/load",
        "post /v1/translate",
        "post /v1/check-argv",
    }
    models = schema["components"]["schemas"]
    references = set(_references(schema))
    assert references
    assert {reference.rpartition("/")[2] for reference in references} <= models.keys()
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                good = OTHER_MEDIA.get(path, "application/json")
                steps = {STEPS_TYPE} if path in IN_STEPS else set()
                assert set(response["content"]) == ({good} | steps if status == "200" else {"application/problem+json"})


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_every_route_of_the_document_is_served(schema: Any) -> None:
    """docs/api.md names exactly the routes that there are."""
    text = (ROOT / "docs/api.md").read_text()
    headings = {line.removeprefix("### ").strip("`").lower() for line in text.splitlines() if line.startswith("### `")}
    assert headings == {route.lower() for route in _routes(schema)} | {"get /openapi.json"}


def _responses(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                yield f"{method} {path}", status, response


@pytest.mark.parametrize("describes", [describe, describe_reader])
def test_an_outside_validator_takes_it(describes: Callable[[], bytes]) -> None:
    openapi_spec_validator.validate(json.loads(describes()))


def test_each_answer_and_each_error_has_an_example_of_its_model(schema: Any) -> None:
    for route, status, response in _responses(schema):
        (media, content), *in_steps = response["content"].items()
        for _, lines in in_steps:
            *steps, last = [json.loads(line) for line in lines["example"].splitlines()]
            assert len([WorkStep.model_validate(one["step"]) for one in steps]) > 2
            assert last == {"status": 200, "answer": content["example"]}
        told = [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]
        assert told, (route, status)
        if not media.endswith("json"):
            continue
        validator = jsonschema_rs.validator_for({**content["schema"], "components": schema["components"]})
        for one in told:
            assert [f"{route} {status}: {error.message}" for error in validator.iter_errors(one)] == []
            if status != "200":
                assert one["status"] == int(status)


@pytest.mark.parametrize("describes", [describe, describe_reader])
def test_each_body_has_an_example_of_its_form(describes: Callable[[], bytes]) -> None:
    for methods in json.loads(describes())["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert jsonschema_rs.is_valid(content["schema"], content["example"])


def test_examples_tell_nothing_of_where_they_were_made() -> None:
    told = json.dumps(example_answers())
    assert not [word for word in ("/tmp/", "/home/", "/root", str(ROOT)) if word in told]
