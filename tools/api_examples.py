"""Write prober/service/api_examples.json: what a service with one recording answers on each route, made short.

    python -m tools.api_examples

What a recording cannot answer (a proof, a rehearsal) is asked of the installed QEMU in the same way.
"""

from __future__ import annotations

import json
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prober.service.api_examples import example_body
from prober.service.client import Client
from prober.service.routes import EVENTS, LOAD_STATE, METRICS, ROUTES, STATE, Route
from tests.integration.service_process import start_ready_service
from tests.recordings import FIXTURES

BOOK = Path(__file__).parent.parent / "prober" / "service" / "api_examples.json"

#: So many items of a list, and so many keys of what has names for keys, are enough.
_ITEMS, _KEYS = 2, 3

#: The longest text, in characters.
_TEXT = 200

#: What has the names of its model for keys, however many.
_FIELDS = 40

#: What is asked for in each place of a path, and each parameter that is needed.
_PLACES = {"typename": "e1000", "command": "device_add"}
_NEEDED = {"fact": "e1000.mac"}

#: What differs from host to host and from run to run, and what stands there instead.
_VARYING: Mapping[str, Any] = {
    "seconds": 0.05,
    "asked_at": 1796000000.0,
    "at": 1796000000.0,
    "timings": {"launch": 0.02},
    "kernel": "6.1.0-37-amd64",
}


def ask_all(client: Client, ident: str, proves: str) -> dict[str, Any]:
    """An answer of each route by its name; ``proves`` is the binary that is started."""
    told = {}
    for route in ROUTES:
        is_started = route.admin and route.body is not None
        told[route.name] = shortened(_ask(client, route, proves if is_started else ident))
    return told


def _ask(client: Client, route: Route, ident: str) -> Any:
    if route is EVENTS:
        return 'id: 18ec8d106763fdee-3\nevent: change\ndata: {"id": "18ec8d106763fdee-3", "kind": "changed", …}\n\n'
    places = {"id": ident, **_PLACES}
    query = {one.name: {**_NEEDED, "to": ident}[one.name] for one in route.query or () if one.needed}
    if route.body is not None and any(one.name == "binary" for one in route.query or ()):
        query["binary"] = ident
    sent = b64decode(_ask(client, STATE, ident)["file"]) if route is LOAD_STATE else _sent(route)
    if route is METRICS:
        return client.fetch(route.path)[1].decode()[:_TEXT]
    reply = client.ask(route, {name: places[name] for name in places if f"{{{name}}}" in route.path}, query, sent)
    assert reply.ok, (route.name, reply)
    return reply.value


def _sent(route: Route) -> bytes:
    if route.body is None:
        return b""
    kind = route.body.kind
    body = example_body(route.name, kind, route.body.content[kind])
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def shortened(value: Any, key: str = "") -> Any:
    """A value with little of each list, map and text, and without what varies."""
    if key in _VARYING and value:
        return _VARYING[key]
    match value:
        case str() if len(value) > _TEXT:
            return f"{value[:_TEXT]}…"
        case list():
            return [shortened(one) for one in value[:_ITEMS]]
        case dict():
            kept = list(value.items())[: _KEYS if _is_map(value) else None]
            return {name: shortened(one, name) for name, one in kept}
        case _:
            return value


def _is_map(value: dict[str, Any]) -> bool:
    """Whether its keys are names of something, and not of fields: there are many, or their values are all alike."""
    if len(value) > _FIELDS:
        return True
    return len(value) > _KEYS and all(isinstance(one, dict) for one in value.values())


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory(prefix="api-examples-") as name:
        directory = Path(name)
        recording = FIXTURES / "qemu-10.0.13.replies.xz"
        with start_ready_service(directory, "--replies", recording, "--accel", "tcg", measured=False) as service:
            entries = service.client().get("/v1/binaries").value["binaries"]
            started = next(one["id"] for one in entries if one["path"].endswith("qemu-system-x86_64"))
            for entry in entries:
                service.client().get(f"/v1/binaries/{entry['id']}")
            told = ask_all(service.client(), "qemu-10.0.13", started)
    text = json.dumps(told, indent=1, ensure_ascii=False)
    # Neither this checkout nor the directory of the service is anywhere else.
    text = text.replace(str(FIXTURES.parent.parent), "/usr/share/prober").replace(name, "/run/prober")
    BOOK.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
