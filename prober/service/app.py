"""The HTTP API.

Handlers take the bare request and return bytes that are ready: validation of two strings by a framework costs more
than the answer (40 of 115 µs), and its routing and layers as much again.  What they take and give is declared beside
them for ``/openapi.json``.
"""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import Response

import prober
from prober.capabilities.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.entry import Entry
from prober.capabilities.evidence import Evidence
from prober.capabilities.facts import nearest
from prober.service.application import Application, as_json
from prober.service.hosts import HostKeeper
from prober.service.problems import RequestError
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
from prober.service.routes import Routes, declared
from prober.service.settings import ServiceSettings
from prober.service.translation import Question, Translator, check_argv_for, load_translator

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


def create_app(catalog: Catalog, settings: ServiceSettings, hosts: HostKeeper | None = None) -> Application:
    """The application.  The catalog is entered by the caller, before the first request."""
    routes = Routes()
    # Routes are tried one after the other, so those that are asked most come first.
    _add_questions(routes, catalog)
    _add_translate(routes, catalog, settings, hosts or HostKeeper(settings.host))
    _add_check_argv(routes, catalog, settings)
    _add_binaries(routes, catalog)
    _add_lists(routes, catalog)
    return Application(routes)


def _add_binaries(routes: Routes, catalog: Catalog) -> None:
    @routes.get("/healthz", **declared("Whether the service works", Health))
    async def get_health(request: Request) -> Response:
        read_query(request.scope["query_string"])
        states = Counter(entry.state for entry in catalog.entries())
        return as_json(Health(status="ok", version=prober.__version__, binaries=dict(states)))

    @routes.get("/v1/binaries", **declared("All binaries of the catalog", BinaryList))
    async def get_binaries(request: Request) -> Response:
        read_query(request.scope["query_string"])
        return as_json(BinaryList(binaries=catalog.entries()))

    @routes.get("/v1/binaries/{id}", **declared("One binary; waits for its interview", Entry, _ID, errors=(404,)))
    async def get_binary(request: Request) -> Response:
        read_query(request.scope["query_string"])
        return as_json(await catalog.find(request.path_params["id"]))

    @routes.post("/v1/binaries/{id}/refresh", **declared("Ask a binary again", Entry, _ID, errors=(404,)))
    async def refresh_binary(request: Request) -> Response:
        read_query(request.scope["query_string"])
        return as_json(await catalog.refresh(request.path_params["id"]))


def _add_questions(routes: Routes, catalog: Catalog) -> None:
    fact = {
        **_ID,
        "name": "fact",
        "in": "query",
        "description": "QEMU's name of a fact: PIIX4_PM.acpi-root-pci-hotplug",
    }

    @routes.get(
        "/v1/binaries/{id}/supports",
        **declared("What a binary says of a fact", Evidence, _ID, fact, errors=(400, 404, 503)),
    )
    async def get_supports(request: Request) -> Response:
        asked = read_query(request.scope["query_string"], "fact").get("fact")
        if not asked:
            raise RequestError(400, "no fact is asked for", hint="add ?fact=TYPE.PROPERTY")
        return as_json((await catalog.capabilities(request.path_params["id"])).supports(asked))

    @routes.get("/v1/binaries/{id}/types", **declared("The QOM types", TypeList, _ID, errors=(404, 503)))
    async def get_types(request: Request) -> Response:
        read_query(request.scope["query_string"])
        ident = request.path_params["id"]
        caps = await catalog.capabilities(ident)
        return as_json(TypeList(binary=ident, types=caps.types, abstract_types=caps.abstract_types))

    typename = {**_ID, "name": "typename", "description": "QEMU's name of the type"}

    @routes.get(
        "/v1/binaries/{id}/types/{typename}",
        **declared("One QOM type and its properties", TypeReply, _ID, typename, errors=(404, 503)),
    )
    async def get_type(request: Request) -> Response:
        read_query(request.scope["query_string"])
        ident = request.path_params["id"]
        return as_json(_describe_type(ident, await catalog.capabilities(ident), request.path_params["typename"]))


def _add_lists(routes: Routes, catalog: Catalog) -> None:
    async def look(request: Request) -> tuple[str, Capabilities]:
        read_query(request.scope["query_string"])
        ident = request.path_params["id"]
        return ident, await catalog.capabilities(ident)

    @routes.get("/v1/binaries/{id}/machines", **declared("The machines", MachineList, _ID, errors=(404, 503)))
    async def get_machines(request: Request) -> Response:
        ident, caps = await look(request)
        return as_json(MachineList(binary=ident, machines=caps.machines))

    @routes.get("/v1/binaries/{id}/cpus", **declared("The CPU models", CpuList, _ID, errors=(404, 503)))
    async def get_cpus(request: Request) -> Response:
        ident, caps = await look(request)
        return as_json(CpuList(binary=ident, cpus=caps.cpu_models))

    @routes.get("/v1/binaries/{id}/commands", **declared("The QMP commands", CommandList, _ID, errors=(404, 503)))
    async def get_commands(request: Request) -> Response:
        return as_json(list_commands(*await look(request)))

    command = {**_ID, "name": "command", "description": "QEMU's name of the command"}

    @routes.get(
        "/v1/binaries/{id}/commands/{command}",
        **declared("One QMP command and its arguments", CommandReply, _ID, command, errors=(404, 503)),
    )
    async def get_command(request: Request) -> Response:
        return as_json(describe_command(*await look(request), request.path_params["command"]))

    @routes.get(
        "/v1/binaries/{id}/capabilities",
        **declared("All that is known of a binary, for prober itself", Capabilities, _ID, errors=(404, 503)),
    )
    async def get_capabilities(request: Request) -> Response:
        return as_json((await look(request))[1])


def _add_translate(routes: Routes, catalog: Catalog, settings: ServiceSettings, hosts: HostKeeper) -> None:
    translator = Translator(catalog, hosts, most=settings.max_body)
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

    @routes.post(
        "/v1/translate",
        **declared(
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
        asked = Question(xml, query.get("binary"), query.get("monitor"), query.get("incoming"), assume)
        return Response(await translator.answer(asked), media_type="application/json")


def _add_check_argv(routes: Routes, catalog: Catalog, settings: ServiceSettings) -> None:
    binary = {
        "name": "binary",
        "in": "query",
        "schema": {"type": "string"},
        "description": "id or path of an entry; without it the one that the argv begins with",
    }

    @routes.post(
        "/v1/check-argv",
        **declared(
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
        await load_translator()
        words = await read_words(request, settings.max_body)
        return as_json(await check_argv_for(catalog, words, named=query.get("binary"), assume_unknown_present=assume))


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
