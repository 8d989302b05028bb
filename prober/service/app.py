"""The HTTP API.

Handlers take the bare request and return bytes that are ready: validation of two strings by a framework costs more
than the answer (40 of 115 µs).  What they take and give is declared beside them for ``/openapi.json``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

import prober
from prober.capabilities import Capabilities, Evidence
from prober.capabilities.catalog import Catalog
from prober.capabilities.entry import Entry
from prober.capabilities.facts import nearest
from prober.service.application import Application, add_error_handlers, answer_supports, as_json
from prober.service.hosts import HostKeeper
from prober.service.problems import MEDIA_TYPE, Problem, RequestError
from prober.service.replies import (
    BinaryList,
    CommandList,
    CommandReply,
    CpuList,
    Health,
    MachineList,
    TypeList,
    TypeReply,
    describe_command,
    describe_type,
    list_commands,
)
from prober.service.requests import as_bool, read_query, read_words, read_xml
from prober.service.settings import ServiceSettings
from prober.service.translation import check_argv_for, translate_for

_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "id of an entry"}
_XML_BODY = {
    "required": True,
    "description": "libvirt domain XML",
    "content": {"application/xml": {"schema": {"type": "string"}}},
}
_WORDS_BODY = {
    "required": True,
    "description": "the words of an argv, or a shell command line",
    "content": {
        "application/json": {"schema": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
        "text/plain": {"schema": {"type": "string"}},
    },
}
_ASSUME = {
    "name": "assume_unknown_present",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "take what the binary was never asked for present",
}

_MEANINGS = {
    400: "A wrong parameter, fact or XML document",
    404: "No such binary, type or command",
    413: "The body is too large",
    415: "The body is declared as something that cannot be read here",
    422: "The domain is refused; `refusals` has every reason",
    503: "The binary could not be asked; the reason is remembered",
}


def create_app(catalog: Catalog, settings: ServiceSettings, hosts: HostKeeper | None = None) -> FastAPI:
    """The application.  The catalog is entered by the caller, before the first request."""
    app = Application(
        catalog,
        title="prober",
        version=prober.__version__,
        description=prober.__doc__ or "",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    add_error_handlers(app)
    # Routes are tried one after the other, so the one that is asked most comes first.
    _add_translate(app, catalog, settings, hosts or HostKeeper(settings.host))
    _add_check_argv(app, catalog, settings)
    _add_binaries(app, catalog)
    _add_questions(app, catalog)
    _add_lists(app, catalog)
    make_schema = app.openapi
    app.openapi = lambda: _with_models(make_schema())  # type: ignore[method-assign]
    return app


def _with_models(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the models that FastAPI is not told of: that of errors, as it would give them another media type, and those
    of a translation and of a check, which are not imported before somebody wants them."""
    from prober.commandline.report import ArgvReport
    from prober.domain import Translation

    models = schema["components"]["schemas"]
    if "Translation" not in models:
        for model in (Problem, Translation, ArgvReport):
            made = model.model_json_schema(ref_template="#/components/schemas/{model}")
            models.update(made.pop("$defs", {}))
            models[model.__name__] = made
        for path, name in (("/v1/translate", "Translation"), ("/v1/check-argv", "ArgvReport")):
            answer = schema["paths"][path]["post"]["responses"]["200"]
            answer["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return schema


def _add_binaries(app: FastAPI, catalog: Catalog) -> None:
    @app.get("/healthz", **_declared("Whether the service works", Health))
    async def get_health(request: Request) -> Response:
        read_query(request.scope["query_string"])
        states = Counter(entry.state for entry in catalog.entries())
        return as_json(Health(status="ok", version=prober.__version__, binaries=dict(states)))

    @app.get("/v1/binaries", **_declared("All binaries of the catalog", BinaryList))
    async def get_binaries(request: Request) -> Response:
        read_query(request.scope["query_string"])
        return as_json(BinaryList(binaries=catalog.entries()))

    @app.get("/v1/binaries/{id}", **_declared("One binary; waits for its interview", Entry, _ID, errors=(404,)))
    async def get_binary(request: Request) -> Response:
        read_query(request.scope["query_string"])
        return as_json(await catalog.find(request.path_params["id"]))

    @app.post("/v1/binaries/{id}/refresh", **_declared("Ask a binary again", Entry, _ID, errors=(404,)))
    async def refresh_binary(request: Request) -> Response:
        read_query(request.scope["query_string"])
        return as_json(await catalog.refresh(request.path_params["id"]))


def _add_questions(app: FastAPI, catalog: Catalog) -> None:
    @app.get("/v1/binaries/{id}/types", **_declared("The QOM types", TypeList, _ID, errors=(404, 503)))
    async def get_types(request: Request) -> Response:
        read_query(request.scope["query_string"])
        ident = request.path_params["id"]
        caps = await catalog.capabilities(ident)
        return as_json(TypeList(binary=ident, types=caps.types, abstract_types=caps.abstract_types))

    typename = {**_ID, "name": "typename", "description": "QEMU's name of the type"}

    @app.get(
        "/v1/binaries/{id}/types/{typename}",
        **_declared("One QOM type and its properties", TypeReply, _ID, typename, errors=(404, 503)),
    )
    async def get_type(request: Request) -> Response:
        read_query(request.scope["query_string"])
        ident = request.path_params["id"]
        return as_json(_describe_type(ident, await catalog.capabilities(ident), request.path_params["typename"]))

    fact = {
        **_ID,
        "name": "fact",
        "in": "query",
        "description": "QEMU's name of a fact: PIIX4_PM.acpi-root-pci-hotplug",
    }

    @app.get(
        "/v1/binaries/{id}/supports",
        **_declared("What a binary says of a fact", Evidence, _ID, fact, errors=(400, 404, 503)),
    )
    async def get_supports(request: Request) -> Response:
        return await answer_supports(catalog, request.path_params["id"], request.scope["query_string"])


def _add_lists(app: FastAPI, catalog: Catalog) -> None:
    async def look(request: Request) -> tuple[str, Capabilities]:
        read_query(request.scope["query_string"])
        ident = request.path_params["id"]
        return ident, await catalog.capabilities(ident)

    @app.get("/v1/binaries/{id}/machines", **_declared("The machines", MachineList, _ID, errors=(404, 503)))
    async def get_machines(request: Request) -> Response:
        ident, caps = await look(request)
        return as_json(MachineList(binary=ident, machines=caps.machines))

    @app.get("/v1/binaries/{id}/cpus", **_declared("The CPU models", CpuList, _ID, errors=(404, 503)))
    async def get_cpus(request: Request) -> Response:
        ident, caps = await look(request)
        return as_json(CpuList(binary=ident, cpus=caps.cpu_models))

    @app.get("/v1/binaries/{id}/commands", **_declared("The QMP commands", CommandList, _ID, errors=(404, 503)))
    async def get_commands(request: Request) -> Response:
        return as_json(list_commands(*await look(request)))

    command = {**_ID, "name": "command", "description": "QEMU's name of the command"}

    @app.get(
        "/v1/binaries/{id}/commands/{command}",
        **_declared("One QMP command and its arguments", CommandReply, _ID, command, errors=(404, 503)),
    )
    async def get_command(request: Request) -> Response:
        return as_json(describe_command(*await look(request), request.path_params["command"]))

    @app.get(
        "/v1/binaries/{id}/capabilities",
        **_declared("All that is known of a binary, for prober itself", Capabilities, _ID, errors=(404, 503)),
    )
    async def get_capabilities(request: Request) -> Response:
        return as_json((await look(request))[1])


def _add_translate(app: Application, catalog: Catalog, settings: ServiceSettings, hosts: HostKeeper) -> None:
    binary = {
        "name": "binary",
        "in": "query",
        "schema": {"type": "string"},
        "description": "id or path of an entry; without it the domain's <emulator>, else the binary for its <arch>",
    }
    incoming = {
        "name": "incoming",
        "in": "query",
        "schema": {"type": "string"},
        "description": "where a guest that ran before comes from: defer, tcp:HOST:PORT, unix:PATH, file:PATH",
    }
    monitor = {
        "name": "monitor",
        "in": "query",
        "schema": {"type": "string"},
        "description": "absolute path of a unix socket on which QEMU shall speak QMP; without it there is no monitor",
    }

    @app.post(
        "/v1/translate",
        **_declared(
            "A command line for a domain, or every reason why not",
            None,
            binary,
            monitor,
            incoming,
            _ASSUME,
            errors=(400, 404, 413, 415, 422, 503),
            body=_XML_BODY,
        ),
    )
    async def translate(request: Request) -> Response:
        query = read_query(request.scope["query_string"], "binary", "monitor", "incoming", "assume_unknown_present")
        assume = as_bool("assume_unknown_present", query.get("assume_unknown_present", "false"))
        xml = await read_xml(request, settings.max_body)
        translation = await translate_for(
            catalog,
            xml,
            most=settings.max_body,
            named=query.get("binary"),
            monitor=query.get("monitor"),
            incoming=query.get("incoming"),
            host=await hosts.get(),
            assume_unknown_present=assume,
        )
        return as_json(translation)

    app.answers["/v1/translate"] = translate


def _add_check_argv(app: Application, catalog: Catalog, settings: ServiceSettings) -> None:
    binary = {
        "name": "binary",
        "in": "query",
        "schema": {"type": "string"},
        "description": "id or path of an entry; without it the one that the argv begins with",
    }

    @app.post(
        "/v1/check-argv",
        **_declared(
            "What a binary would make of a command line",
            None,
            binary,
            _ASSUME,
            errors=(400, 404, 413, 415, 503),
            body=_WORDS_BODY,
        ),
    )
    async def check_argv(request: Request) -> Response:
        query = read_query(request.scope["query_string"], "binary", "assume_unknown_present")
        assume = as_bool("assume_unknown_present", query.get("assume_unknown_present", "false"))
        words = await read_words(request, settings.max_body)
        return as_json(await check_argv_for(catalog, words, named=query.get("binary"), assume_unknown_present=assume))

    app.answers["/v1/check-argv"] = check_argv


def _describe_type(ident: str, caps: Capabilities, name: str) -> TypeReply:
    """A type as the binary knows it.

    :raise RequestError: (404) where it does not.
    """
    abstract = name in (caps.abstract_types or {})
    if not abstract and name not in (caps.types or {}) and name not in caps.properties:
        if caps.types is None:
            raise RequestError(404, f"{name[:200]!r} was never asked about, nor was the list of types")
        near = nearest(name[:200], caps.types)
        raise RequestError(
            404, f"no type is named {name[:200]!r}", hint=f"did you mean {', '.join(near)}?" if near else ""
        )
    return describe_type(ident, caps, name)


def _declared(
    summary: str,
    model: type[BaseModel] | None,
    *parameters: dict[str, Any],
    errors: tuple[int, ...] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What a route takes and gives, for FastAPI's decorators."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    problems = {status: {"description": _MEANINGS[status], "content": content} for status in sorted({400, *errors})}
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if body is not None:
        extra["requestBody"] = body
    good: dict[str, Any] = {"description": "OK"} if model is None else {"description": "OK", "model": model}
    return {
        "summary": summary,
        "responses": {200: good, **problems},
        "response_model": None,
        "response_class": Response,
        "openapi_extra": extra,
    }
