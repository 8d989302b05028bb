"""What ``/openapi.json`` says: the rows of the routes, and the models that they name.

Imported by whoever asks for this first: the models of what is translated and checked are a large part of prober.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import prober
from prober.capabilities import Capabilities, Evidence
from prober.capabilities.entry import Entry
from prober.commandline.report import ArgvReport
from prober.export.domcapabilities import DomainCapabilities
from prober.host.facts import HostFacts
from prober.proof.models import Proof
from prober.service.answers import CommandList, CommandReply, CpuList, LabelList, MachineList, TypeList, TypeReply
from prober.service.doctor.observed import HostReport
from prober.service.problems import MEDIA_TYPE, Problem
from prober.service.replies import BinaryList, ChangeList, Health, Readiness
from prober.service.routes import PLACES, ROUTES, Parameter, Route
from prober.translate.translation import Translation

_REFERENCE = "#/components/schemas/{model}"

#: What is answered as it was written, so that what has a default is always there.
_WRITTEN: tuple[type[BaseModel], ...] = (
    Evidence,
    TypeList,
    TypeReply,
    Health,
    Readiness,
    BinaryList,
    ChangeList,
    Entry,
    MachineList,
    CpuList,
    CommandList,
    CommandReply,
    Capabilities,
    DomainCapabilities,
    LabelList,
    HostReport,
    HostFacts,
)

#: What a client may read with a model of its own.
_READ: tuple[type[BaseModel], ...] = (Problem, Translation, ArgvReport, Proof)

_MEANINGS = {
    400: "A wrong parameter, fact or XML document",
    403: "Who asks is not one of those who may: root, the service's own user, and its `admin_group`",
    404: "No such binary, type or command",
    409: "The entry is a recording, which cannot be started",
    413: "The body is too large",
    415: "The body is declared as something that cannot be read here",
    422: "The domain is refused; `refusals` has every reason",
    503: "It cannot be answered now: the service is not ready, the binary could not be asked, too much is asked at "
    "once, or a QEMU that was to prove a line cannot be confined or gave no verdict; `type` says which",
}


def describe() -> bytes:
    """The description (OpenAPI 3.1), as JSON.  Takes a third of a second."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    described = {
        "openapi": "3.1.0",
        "info": {"title": "prober", "description": prober.__doc__, "version": prober.__version__},
        "paths": paths,
        "components": {"schemas": _schemas()},
    }
    return json.dumps(described, ensure_ascii=False).encode()


def _operation(route: Route) -> dict[str, Any]:
    """What one route takes and gives."""
    good = {"description": "OK", "content": _content(route.media, route.answer)}
    bad = {
        str(status): {"description": _MEANINGS[status], "content": _content(MEDIA_TYPE, "Problem")}
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
        content = {media_type: {"schema": schema} for media_type, schema in route.body.content.items()}
        told["requestBody"] = {"required": True, "description": route.body.description, "content": content}
    return told


def _content(media_type: str, model: str) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": _REFERENCE.format(model=model)} if model else {"type": "string"}}}


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


def _schemas() -> dict[str, Any]:
    """Every model by its name, with those that it is made of."""
    _, written = models_json_schema([(model, "serialization") for model in _WRITTEN], ref_template=_REFERENCE)
    schemas: dict[str, Any] = _without_null(dict(sorted(written["$defs"].items())))
    for model in _READ:
        read = model.model_json_schema(ref_template=_REFERENCE)
        schemas.update(read.pop("$defs", {}))
        schemas[model.__name__] = read
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
