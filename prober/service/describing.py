"""What ``/openapi.json`` says of any table of routes: its rows, and the models that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import prober
from prober.service.api_examples import example_body, example_problems
from prober.service.problems import MEDIA_TYPE
from prober.service.routes import PLACES, Parameter, Route

_REFERENCE = "#/components/schemas/{model}"

_IN_STEPS = (
    "Lines of JSON, for who accepts this type: `step` is a WorkStep, as it happens; the last line has the `status` "
    "that the answer would have had, and the `answer` or problem.  What is refused before the first step has its own "
    "status"
)


def describe_routes(
    description: str | None,
    routes: Iterable[Route],
    meanings: Mapping[int, str],
    written: Iterable[type[BaseModel]],
    read: Iterable[type[BaseModel]],
    examples: Mapping[str, Any] | None = None,
    in_steps: Mapping[str, tuple[str, str]] | None = None,
) -> bytes:
    """The description (OpenAPI 3.1), as JSON.  Takes tens of milliseconds, by the number of models.

    ``meanings`` say what an answer of a status other than 200 means.  ``written`` are models that are answered as they
    were written, so that what has a default is always there; ``read`` those that a client may read with a model of its
    own.  ``examples`` has an answer by the name of its route; what a text-only answer is like is a text.
    ``in_steps`` has, by the name of its route, the media type of one that may come line by line, and what that is like.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, meanings, examples or {})
        if route.name in (in_steps or {}):
            media_type, example = (in_steps or {})[route.name]
            told = {"schema": {"type": "string", "description": _IN_STEPS}, "example": example}
            operation["responses"]["200"]["content"][media_type] = told
    described = {
        "openapi": "3.1.0",
        "info": {"title": "prober", "description": description, "version": prober.__version__},
        "paths": paths,
        "components": {"schemas": _schemas(written, read)},
    }
    return json.dumps(described, ensure_ascii=False).encode()


def _operation(route: Route, meanings: Mapping[int, str], examples: Mapping[str, Any]) -> dict[str, Any]:
    """What one route takes and gives."""
    content = _content(route.media, route.answer)
    if route.name in examples:
        content[route.media]["example"] = examples[route.name]
    good = {"description": "OK", "content": content}
    bad = {
        str(status): {"description": meanings[status], "content": _problem_content(status)}
        for status in sorted({400, *route.errors})
    }
    told: dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"\W", "_", f"{route.name}{route.path}_{route.method.lower()}"),
        "responses": {"200": good, **bad},
    }
    parameters = [*map(_place, re.findall(r"{(\w+)}", route.path)), *map(_parameter, route.query or ())]
    parameters += [{**_parameter(header), "in": "header"} for header in route.headers]
    if parameters:
        told["parameters"] = parameters
    if route.body is not None:
        content = {
            media_type: {"schema": schema, "example": example_body(route.name, media_type, schema)}
            for media_type, schema in route.body.content.items()
        }
        told["requestBody"] = {"required": True, "description": route.body.description, "content": content}
    return told


def _content(media_type: str, model: str) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": _REFERENCE.format(model=model)} if model else {"type": "string"}}}


def _problem_content(status: int) -> dict[str, Any]:
    content = _content(MEDIA_TYPE, "Problem")
    content[MEDIA_TYPE]["examples"] = {
        kind: {"summary": value["detail"], "value": value} for kind, value in example_problems(status).items()
    }
    return content


def _place(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": PLACES[name]}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.kind}
    if parameter.kind == "boolean":
        schema["default"] = False
    required = {"required": True} if parameter.needed else {}
    return {
        "name": parameter.name,
        "in": "query",
        **required,
        "schema": schema,
        "description": parameter.description,
    }


def _schemas(written: Iterable[type[BaseModel]], read: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """Every model by its name, with those that it is made of."""
    _, told = models_json_schema([(model, "serialization") for model in written], ref_template=_REFERENCE)
    schemas: dict[str, Any] = _without_null(dict(sorted(told["$defs"].items())))
    for model in read:
        one = model.model_json_schema(ref_template=_REFERENCE)
        schemas.update(one.pop("$defs", {}))
        schemas[model.__name__] = one
    return schemas


def _without_null(schema: Any) -> Any:
    """A schema without what is null in it: that something has null as its default, its type says."""
    match schema:
        case dict():
            return {key: _without_null(value) for key, value in schema.items() if value is not None}
        case list():
            return [_without_null(item) for item in schema]
        case _:
            return schema
