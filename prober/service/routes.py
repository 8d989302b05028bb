"""The routes of the API, a row each: what is asked, what comes back, and how it may fail.

All that knows the API reads these rows: the router (:mod:`prober.service.application`), ``/openapi.json``
(:mod:`prober.service.openapi`), the client, and the remote side of the command.  Only data is here and nothing heavy is
imported, as a command that asks one question reads them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode


class Parameter(NamedTuple):
    """A parameter of the query, or a header.  ``kind`` is a type of JSON schema: ``string``, ``boolean``, …"""

    name: str
    description: str
    kind: str = "string"
    needed: bool = False


class Body(NamedTuple):
    """What a request brings: the JSON schema of each media type that it may have."""

    description: str
    content: dict[str, dict[str, Any]]

    @property
    def kind(self) -> str:
        """The media type that a client of ours sends: the first."""
        return next(iter(self.content))


class Route(NamedTuple):
    """One method of one path.

    ``name`` says who answers: a method of :class:`~prober.service.app.Handlers`, or an entry of
    :data:`~prober.service.answers.ANSWERS`.  ``path`` has its parameters in braces (:data:`PLACES`).  ``answer`` is the
    name of the model that comes back, ``errors`` are the statuses of what may come in its place.  A ``query`` of None
    is not looked at.  ``admin`` is whether it is for root, the service's own user and the members of the setting
    ``admin_group`` alone; others get 403.  ``media`` is what kind of answer comes; text has no model.  ``headers`` are
    those that say something besides.  A ``large`` answer may have any size.
    """

    name: str
    method: str
    path: str
    summary: str
    answer: str
    errors: tuple[int, ...] = ()
    query: tuple[Parameter, ...] | None = ()
    body: Body | None = None
    admin: bool = False
    media: str = "application/json"
    headers: tuple[Parameter, ...] = ()
    large: bool = False

    def url(self, places: Mapping[str, str], query: Mapping[str, str]) -> str:
        """What a client asks for: the path with its parameters, and the query, both quoted."""
        path = self.path.format_map({name: quote(value, safe="") for name, value in places.items()})
        return f"{path}?{urlencode(query)}" if query else path


#: The parameters of paths.
PLACES = {
    "id": "id of an entry",
    "typename": "QEMU's name of the type",
    "command": "QEMU's name of the command",
    "host": "what a host is called in its fleet",
}

_ASSUME = Parameter("assume_unknown_present", "take what the binary was never asked for present", "boolean")

_ANYWAY = Parameter("anyway", "start it also where the check refuses it", "boolean")
_MONITOR = Parameter(
    "monitor", "absolute path of a unix socket on which QEMU shall speak QMP; without it there is no monitor"
)
_INCOMING = Parameter(
    "incoming", "where a guest that ran before comes from: defer, tcp:HOST:PORT, unix:PATH, file:PATH"
)

#: What may be wished of a translation (:class:`prober.translate.wishes.Wishes`).
_WISHES = (
    Parameter("strict", "refuse what the command line would not do, which else stands in the notes", "boolean"),
    Parameter("ignore_unknown", "leave out what is not understood; each is told as a note", "boolean"),
    Parameter("make_up", "make up what libvirt would: UUID, genid, MAC addresses, always the same", "boolean"),
    Parameter("seed", "what to make up from, with make_up; without it the domain's name"),
    Parameter(
        "starts_at",
        "when the guest starts, for clocks that go on from there: seconds since 1970, or 2026-11-30T12:00:00Z",
    ),
)

SUPPORTS = Route(
    "get_supports",
    "GET",
    "/v1/binaries/{id}/supports",
    "What a binary says of a fact",
    "Evidence",
    errors=(400, 404, 503),
    query=(Parameter("fact", "QEMU's name of a fact: PIIX4_PM.acpi-root-pci-hotplug", needed=True),),
)
TYPES = Route("get_types", "GET", "/v1/binaries/{id}/types", "The QOM types", "TypeList", errors=(404, 503))
TYPE = Route(
    "get_type",
    "GET",
    "/v1/binaries/{id}/types/{typename}",
    "One QOM type and its properties",
    "TypeReply",
    errors=(404, 503),
)
TRANSLATE = Route(
    "translate",
    "POST",
    "/v1/translate",
    "A command line for a domain, or every reason why not",
    "Translation",
    errors=(400, 404, 413, 415, 422, 503),
    query=(
        Parameter(
            "binary", "id or path of an entry; without it the domain's <emulator>, else the binary for its <arch>"
        ),
        _MONITOR,
        _INCOMING,
        _ASSUME,
        *_WISHES,
    ),
    body=Body("libvirt domain XML", {"application/xml": {"type": "string", "format": "binary"}}),
)
CHECK_ARGV = Route(
    "check_argv",
    "POST",
    "/v1/check-argv",
    "What a binary would make of a command line",
    "ArgvReport",
    errors=(400, 404, 413, 415, 503),
    query=(
        Parameter("binary", "id or path of an entry; without it the one that the argv begins with"),
        _ASSUME,
    ),
    body=Body(
        "the words of an argv, or a shell command line",
        {
            "application/json": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "text/plain": {"type": "string"},
        },
    ),
)
PROVE = Route(
    "prove",
    "POST",
    "/v1/binaries/{id}/prove",
    "What the binary itself makes of a command line, or of a domain",
    "Proof",
    errors=(403, 404, 409, 413, 415, 422, 503),
    query=(
        _ANYWAY,
        _MONITOR,
        _INCOMING,
        _ASSUME,
        *_WISHES,
    ),
    body=Body(
        "the words of an argv, a shell command line, or libvirt domain XML",
        {
            "application/json": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "text/plain": {"type": "string"},
            "application/xml": {"type": "string", "format": "binary"},
        },
    ),
    admin=True,
)
_DRIVEN = Parameter("driven", "drive virtio devices and CPU hot-plug before, as a guest that runs has done", "boolean")
_TEXTS = {"type": "array", "items": {"type": "string"}}
_DEVICES = {
    "domain": {"type": "string", "description": "libvirt domain XML"},
    "devices": {**_TEXTS, "description": "libvirt device XML, each as `virsh attach-device` takes it"},
    "unplug": {**_TEXTS, "description": "aliases of devices of the domain"},
}
_COMMAND = {
    "type": "object",
    "properties": {"execute": {"type": "string"}, "arguments": {"type": "object"}},
    "required": ["execute"],
}
_COMMANDS = {"argv": {**_TEXTS, "minItems": 1}, "commands": {"type": "array", "items": _COMMAND, "minItems": 1}}
_DEVICES_BODY = {"type": "object", "properties": _DEVICES, "required": ["domain"]}
_COMMANDS_BODY = {"type": "object", "properties": _COMMANDS, "required": [*_COMMANDS]}

PLUG = Route(
    "plug",
    "POST",
    "/v1/binaries/{id}/plug",
    "What comes of devices, or QMP commands, that are plugged into a machine",
    "PlugRehearsal",
    errors=(403, 404, 409, 413, 415, 422, 503),
    query=(_DRIVEN, _ANYWAY, _ASSUME),
    body=Body(
        "a domain and devices, or an argv and QMP commands",
        {"application/json": {"oneOf": [_DEVICES_BODY, _COMMANDS_BODY]}},
    ),
    admin=True,
)
PLUG_COMMANDS = Route(
    "plug_commands",
    "POST",
    "/v1/binaries/{id}/plug-commands",
    "The QMP commands that plug devices into a domain's guest, and take them out; nothing is started",
    "PlugTranslation",
    errors=(404, 413, 415, 422, 503),
    query=(_ASSUME,),
    body=Body("a domain and devices", {"application/json": _DEVICES_BODY}),
)
MIGRATE = Route(
    "migrate",
    "POST",
    "/v1/binaries/{id}/migrate",
    "What becomes of a guest that goes from this binary to another",
    "MigrationList",
    errors=(403, 404, 409, 413, 415, 422, 503),
    query=(
        Parameter("to", "id or path of the entry that it goes to", needed=True),
        Parameter("both_ways", "and back again, with a guest started there", "boolean"),
        _DRIVEN,
        _ANYWAY,
        _ASSUME,
    ),
    body=Body(
        "libvirt domain XML, the words of an argv that both sides have, both argv, or a shell command line",
        {
            "application/xml": {"type": "string"},
            "application/json": {
                "oneOf": [
                    {**_TEXTS, "minItems": 1},
                    {
                        "type": "object",
                        "properties": {"argv": {**_TEXTS, "minItems": 1}, "to_argv": {**_TEXTS, "minItems": 1}},
                        "required": ["argv", "to_argv"],
                    },
                ]
            },
            "text/plain": {"type": "string"},
        },
    ),
    admin=True,
)
STATE = Route(
    "keep_state",
    "POST",
    "/v1/binaries/{id}/state",
    "The state of a domain's guest, which has never run, as a file",
    "StateKept",
    errors=(403, 404, 409, 413, 415, 422, 503),
    query=(_DRIVEN, _ASSUME),
    body=Body("libvirt domain XML", {"application/xml": {"type": "string"}}),
    admin=True,
    large=True,
)
LOAD_STATE = Route(
    "load_state",
    "POST",
    "/v1/binaries/{id}/state/load",
    "What a binary makes of the state that is in a file",
    "Migration",
    errors=(403, 404, 409, 413, 415, 422, 503),
    query=(_ASSUME,),
    body=Body("what `prober state save` made", {"application/octet-stream": {"type": "string", "format": "binary"}}),
    admin=True,
)
HEALTH = Route("get_health", "GET", "/healthz", "Whether the service works", "Health")
READY = Route(
    "get_ready",
    "GET",
    "/readyz",
    "Whether each binary has an answer, or a failure that is remembered",
    "Readiness",
    errors=(503,),
)
METRICS = Route(
    "get_metrics", "GET", "/metrics", "What the service counts of itself, for Prometheus", "", media="text/plain"
)
BINARIES = Route("get_binaries", "GET", "/v1/binaries", "All binaries of the catalog", "BinaryList")
BINARY = Route("get_binary", "GET", "/v1/binaries/{id}", "One binary; waits for its interview", "Entry", errors=(404,))
REFRESH = Route(
    "refresh_binary",
    "POST",
    "/v1/binaries/{id}/refresh",
    "Ask a binary again",
    "Entry",
    errors=(403, 404),
    admin=True,
)
EVENTS = Route(
    "get_events",
    "GET",
    "/v1/events",
    "Changes of the answers as they come, as server-sent events",
    "",
    errors=(503,),
    media="text/event-stream",
    headers=(Parameter("Last-Event-ID", "id of the last change that the client has"),),
)
CHANGES = Route(
    "get_changes",
    "GET",
    "/v1/changes",
    "Changes of the answers since an id; waits for the next one",
    "ChangeList",
    errors=(503,),
    query=(
        Parameter("since", "id of the last change that the client has; without it the last changes are told"),
        Parameter("wait", "how many seconds to wait for a change, 0 to 60", "number"),
    ),
)
MACHINES = Route("get_machines", "GET", "/v1/binaries/{id}/machines", "The machines", "MachineList", errors=(404, 503))
CPUS = Route("get_cpus", "GET", "/v1/binaries/{id}/cpus", "The CPU models", "CpuList", errors=(404, 503))
COMMANDS = Route(
    "get_commands", "GET", "/v1/binaries/{id}/commands", "The QMP commands", "CommandList", errors=(404, 503)
)
COMMAND = Route(
    "get_command",
    "GET",
    "/v1/binaries/{id}/commands/{command}",
    "One QMP command and its arguments",
    "CommandReply",
    errors=(404, 503),
)
CAPABILITIES = Route(
    "get_capabilities",
    "GET",
    "/v1/binaries/{id}/capabilities",
    "All that is known of a binary, for prober itself",
    "Capabilities",
    errors=(404, 503),
    large=True,
)

DOMCAPABILITIES = Route(
    "get_domcapabilities",
    "GET",
    "/v1/binaries/{id}/domcapabilities",
    "What domains may have, in the form of libvirt's domain capabilities, and what each row stands on",
    "DomainCapabilities",
    errors=(400, 404, 503),
    query=(
        Parameter("machine", "name or alias of a machine; without it QEMU's default"),
        Parameter("virttype", "kvm or qemu; without it kvm where QEMU was asked with it"),
        Parameter("arch", "libvirt's name of the guests' architecture; without it the binary's own"),
        _ASSUME,
    ),
)
LABELS = Route(
    "get_labels",
    "GET",
    "/v1/binaries/{id}/labels",
    "Labels of a Kubernetes node, each with what it stands on",
    "LabelList",
    errors=(404, 503),
)
DOCTOR = Route("get_doctor", "GET", "/v1/doctor", "What the service sees of its host, and what to do", "HostReport")

HOST = Route("get_host", "GET", "/v1/host", "What this host's kernel and CPU add to each QEMU", "HostFacts")

#: All that are described.  They are tried one after the other, so those that are asked most come first.
ROUTES = (
    SUPPORTS,
    TYPES,
    TYPE,
    TRANSLATE,
    CHECK_ARGV,
    PROVE,
    PLUG,
    PLUG_COMMANDS,
    MIGRATE,
    STATE,
    LOAD_STATE,
    HEALTH,
    READY,
    METRICS,
    BINARIES,
    BINARY,
    REFRESH,
    EVENTS,
    CHANGES,
    MACHINES,
    CPUS,
    COMMANDS,
    COMMAND,
    CAPABILITIES,
    DOMCAPABILITIES,
    LABELS,
    DOCTOR,
    HOST,
)

#: Where they are described.
DESCRIPTION = Route("describe", "GET", "/openapi.json", "The description of all routes", "", query=None)
