"""Examples of answers and errors, for ``/openapi.json``.

Answers are what a service with a recording of QEMU 10.0.13 says, with long lists and texts cut:
``python -m tools.api_examples`` writes them.  Errors are made as the service makes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from prober.commandline.refusal import Place, Refusal
from prober.errors import (
    BinaryFailedError,
    BusyError,
    FactError,
    ForbiddenError,
    ProberError,
    ProverError,
    RefusedError,
    UnknownBinaryError,
    UnreadableDomainError,
)
from prober.proof.watched import WorkStep
from prober.service.problems import RequestError, problem_of

#: What a request may bring, by its media type.
BODIES: Mapping[str, Any] = {
    "application/json": ["/usr/bin/qemu-system-x86_64", "-device", "e1000,mac=52:54:00:00:00:01"],
    "text/plain": "/usr/bin/qemu-system-x86_64 -device e1000,mac=52:54:00:00:00:01",
    "application/xml": "<domain type='qemu'><name>vm</name><memory unit='MiB'>64</memory>"
    "<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>",
}

_PLUG: Mapping[str, Any] = {
    "application/json": {
        "domain": "<domain type='qemu'><name>vm</name><memory unit='MiB'>64</memory>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features></domain>",
        "devices": ["<interface type='user'><model type='e1000'/></interface>"],
    }
}

#: What a request of one route may bring, where it is none of those, by the route's name and the media type.
_BODIES_OF: Mapping[str, Mapping[str, Any]] = {
    "plug": _PLUG,
    "plug_commands": _PLUG,
    "load_state": {"application/octet-stream": "the bytes of a file that `prober state save` wrote"},
}

_REFUSAL = Refusal(
    place=Place(12, "/domain/pm/acpi-root-hotplug/@enabled"),
    message="ACPI hot-plug for the root bus cannot be chosen on machine q35: only pc has it",
    hint="remove the element",
    rule="domain/check-hotplug",
)

#: What may come with each status.
_ERRORS: Mapping[int, tuple[ProberError, ...]] = {
    400: (
        RequestError(400, "unknown query parameter 'facts'", hint="known are fact"),
        FactError("'' is no name of a fact", hint="TYPE, TYPE.PROPERTY, COMMAND, -OPTION"),
        UnreadableDomainError("not well-formed XML: Premature end of data in tag domain line 1", line=1),
    ),
    403: (ForbiddenError("this is not for user 1000", hint="it is for root and the service's own user"),),
    404: (
        UnknownBinaryError("there is no binary 'qemu'", hint="the ids are in /v1/binaries"),
        RequestError(404, "no type is named 'e1001'", hint="did you mean e1000?"),
    ),
    409: (
        RequestError(
            409,
            "qemu-10.0.13 is a recording, which cannot be started",
            hint="check-argv and translate work with a recording; to prove a line takes the binary itself",
        ),
    ),
    413: (RequestError(413, "the body is larger than 1048576 bytes"),),
    415: (RequestError(415, "a domain cannot be 'text/html'", hint="send it as application/xml"),),
    422: (RefusedError([_REFUSAL]),),
    503: (
        BinaryFailedError("/usr/bin/qemu-system-x86_64 could not be asked", hint="see its entry in /v1/binaries"),
        BusyError("too much is asked at once", hint="ask again in a second"),
        ProverError("the QEMU gave no verdict"),
    ),
}


def example_answers() -> Mapping[str, Any]:
    """An answer of each route, by the route's name."""
    told: Mapping[str, Any] = json.loads(files(__package__).joinpath("api_examples.json").read_text())
    return told


def example_steps(route: str) -> str:
    """What the lines of an answer are like that comes with its steps, by the route's name."""
    steps = (
        WorkStep(name="checked", number=0, seconds=0.041),
        WorkStep(name="waits", seconds=0.042),
        WorkStep(name="begins", seconds=0.87),
        WorkStep(name="made ready", number=1, seconds=0.912),
        WorkStep(name="started", what="bubblewrap", seconds=1.204),
    )
    lines = [{"step": step.model_dump(exclude_defaults=True)} for step in steps]
    return "".join(json.dumps(line) + "\n" for line in [*lines, {"status": 200, "answer": example_answers()[route]}])


def example_body(route: str, media_type: str, schema: Mapping[str, Any]) -> Any:
    """What a request to the route of this name may bring; an object has domains by their names, if it is no other's."""
    own = _BODIES_OF.get(route)
    if own is not None:
        return own[media_type]
    return {"vm": BODIES["application/xml"]} if schema.get("type") == "object" else BODIES[media_type]


def example_problems(status: int) -> dict[str, Any]:
    """Problems of a status, by their kind; two of one kind are told apart by a number."""
    told: dict[str, Any] = {}
    for error in _ERRORS.get(status, ()):
        value = json.loads(problem_of(error).body)
        kind = str(value["type"]).rpartition(":")[2]
        told[kind if kind not in told else f"{kind}-{len(told) + 1}"] = value
    return told
