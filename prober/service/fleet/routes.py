"""The routes of a reader, a row each, as :mod:`prober.service.routes` has those of the service."""

from __future__ import annotations

from prober.service.routes import METRICS, Body, Parameter, Route

_XML = Body("libvirt domain XML", {"application/xml": {"type": "string", "format": "binary"}})
_DOMAINS = Body(
    "libvirt domain XML, or several, each by a name",
    {
        "application/json": {"type": "object", "additionalProperties": {"type": "string"}},
        "application/xml": {"type": "string", "format": "binary"},
    },
)

_WHERE = Parameter("where", "only hosts that have all of these labels: LABEL=VALUE,…")
_LIMIT = Parameter("limit", "how many hosts to name, 0 to 1000", "integer")
_AFTER = Parameter("after", "name those that come after this one")
_ANY = Parameter("any_emulator", "any QEMU of a host will do, wherever the domain's <emulator> says it lies", "boolean")
_ASSUME = Parameter("assume_unknown_present", "take what a QEMU was never asked for present", "boolean")

CAN = Route(
    "can",
    "POST",
    "/v1/fleet/can",
    "How many hosts can run a domain, and why the others cannot",
    "CanAnswer",
    errors=(400, 413, 415, 503),
    query=(_WHERE, _LIMIT, _AFTER, _ANY, _ASSUME),
    body=_XML,
)
WHY = Route(
    "why",
    "POST",
    "/v1/fleet/hosts/{host}/why",
    "Why one host can or cannot run a domain",
    "WhyAnswer",
    errors=(400, 413, 415, 503),
    query=(_ANY, _ASSUME),
    body=_XML,
)
TARGETS = Route(
    "targets",
    "POST",
    "/v1/fleet/targets",
    "To which hosts a guest may migrate that runs on one of them",
    "TargetsAnswer",
    errors=(400, 413, 415, 422, 503),
    query=(Parameter("from", "the host that the guest runs on", needed=True), _WHERE, _LIMIT, _AFTER, _ANY),
    body=_XML,
)
UPGRADE = Route(
    "upgrade",
    "POST",
    "/v1/fleet/upgrade",
    "What becomes of domains and hosts where one build is replaced by another",
    "UpgradeAnswer",
    errors=(400, 413, 415, 503),
    query=(
        Parameter("from", "the build that is there: the beginning of its name, or its version", needed=True),
        Parameter("to", "the build that comes", needed=True),
        Parameter("name", "what a single domain is called in the answer"),
        _ASSUME,
    ),
    body=_DOMAINS,
)
BASELINE = Route(
    "baseline",
    "GET",
    "/v1/fleet/baseline",
    "What all hosts have",
    "BaselineAnswer",
    errors=(400, 503),
    query=(_WHERE, Parameter("target", "for guests of this kind; without it x86_64")),
)
SUPPORTS = Route(
    "supports",
    "GET",
    "/v1/fleet/supports",
    "How many hosts have a fact, by build",
    "SupportsAnswer",
    errors=(400, 503),
    query=(Parameter("fact", "QEMU's name of a fact: PIIX4_PM.acpi-root-pci-hotplug", needed=True), _WHERE),
)
DRIFT = Route(
    "drift",
    "GET",
    "/v1/fleet/drift",
    "Which hosts differ from most of their peers",
    "DriftAnswer",
    errors=(400, 503),
    query=(_WHERE, Parameter("by", "peers have the same value of this label")),
)
HOSTS = Route(
    "hosts",
    "GET",
    "/v1/fleet/hosts",
    "A page of the hosts",
    "HostsAnswer",
    errors=(400, 503),
    query=(_WHERE, _LIMIT, _AFTER),
)
BUILDS = Route(
    "builds", "GET", "/v1/fleet/builds", "The builds of QEMU", "BuildsAnswer", errors=(400, 503), query=(_WHERE,)
)
CHANGES = Route(
    "changes",
    "GET",
    "/v1/fleet/changes",
    "Changes of the fleet since an id; waits for the next one",
    "FleetChangeList",
    errors=(400, 503),
    query=(
        Parameter("since", "id of the last change that the client has; without it the last changes are told"),
        Parameter("wait", "how many seconds to wait for a change, 0 to 60", "number"),
    ),
)
EVENTS = Route(
    "events",
    "GET",
    "/v1/fleet/events",
    "Changes of the fleet as they come, as server-sent events",
    "",
    errors=(503,),
    media="text/event-stream",
    headers=(Parameter("Last-Event-ID", "id of the last change that the client has"),),
)
HEALTH = Route("health", "GET", "/healthz", "Whether the reader works", "FleetHealth")
READY = Route("ready", "GET", "/readyz", "Whether all that the store has is known", "FleetHealth", errors=(503,))

#: Tried one after the other, so those that are asked most come first.
ROUTES = (
    CAN,
    WHY,
    HOSTS,
    TARGETS,
    SUPPORTS,
    BUILDS,
    BASELINE,
    DRIFT,
    UPGRADE,
    CHANGES,
    EVENTS,
    HEALTH,
    READY,
    METRICS,
)
