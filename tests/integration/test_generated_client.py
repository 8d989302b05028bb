"""A client that openapi-python-client makes of ``/openapi.json`` asks a real service over its socket."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from prober.service.routes import ROUTES
from tests.conftest import CHECKOUT
from tests.integration.service_process import Service, start_ready_service
from tests.recordings import FIXTURES

pytestmark = pytest.mark.slow

DOMAINS = CHECKOUT / "fixtures" / "domains"

#: What the generator has no form for is sent as bytes; it calls its own formatter, which is not wanted here.
CONFIG = """
content_type_overrides:
  application/xml: application/octet-stream
post_hooks: []
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("service")
    (directory / "none").mkdir()
    recording = FIXTURES / "qemu-10.0.13.replies.xz"
    with start_ready_service(
        directory, "--directory", directory / "none", "--replies", recording, shared=True
    ) as started:
        yield started


@pytest.fixture(scope="module")
def generated(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the package that was made, which can be imported."""
    directory = tmp_path_factory.mktemp("generated")
    with service.client() as client:
        (directory / "openapi.json").write_bytes(client.fetch("/openapi.json")[1])
    (directory / "config.yml").write_text(CONFIG)
    command = "from openapi_python_client.cli import app; app()"
    words = ["generate", "--path", "openapi.json", "--output-path", "generated_of_prober", "--meta", "none"]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", command, *words, "--config", "config.yml"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    sys.path.insert(0, str(directory))
    yield "generated_of_prober"
    sys.path.remove(str(directory))


def part(generated: str, name: str) -> ModuleType:
    return importlib.import_module(f"{generated}.{name}")


def operations(generated: str) -> dict[str, ModuleType]:
    """The module of each route, by the route's name."""
    folder = Path(next(iter(part(generated, "api.default").__path__)))
    names = [path.stem for path in folder.glob("*_v1_*.py")] + [path.stem for path in folder.glob("*z_get.py")]
    return {
        route.name: part(generated, f"api.default.{name}")
        for route in ROUTES
        for name in names
        if name.startswith(f"{route.name}_")
    }


@pytest.fixture
def client(service: Service, generated: str) -> Iterator[Any]:
    """The client that was made, over the service's socket."""
    made = part(generated, "client").Client(base_url="http://prober", raise_on_unexpected_status=True)
    transport = httpx.HTTPTransport(uds=str(service.socket))
    with httpx.Client(base_url="http://prober", transport=transport) as over_the_socket:
        yield made.set_httpx_client(over_the_socket)


def test_every_route_was_made(generated: str) -> None:
    made = operations(generated)
    assert {route.name for route in ROUTES} - made.keys() == {"get_metrics"}


def test_it_asks_and_gets_models(client: Any, generated: str) -> None:
    ask = operations(generated)
    models = part(generated, "models")
    (entry,) = ask["get_binaries"].sync(client=client).binaries
    assert isinstance(entry, models.Entry)
    evidence = ask["get_supports"].sync(entry.id, client=client, fact="e1000.mac")
    assert (type(evidence), evidence.verdict.value) == (models.Evidence, "present")
    assert ask["get_type"].sync(entry.id, "e1000", client=client).properties
    report = ask["check_argv"].sync(client=client, body=["qemu", "-device", "e1000,mak=x"], binary=entry.id)
    assert [(one.position, one.rule) for one in report.findings] == [(1, "option/property")]
    problem = ask["get_binary"].sync("nobody", client=client)
    assert (type(problem), problem.status) == (models.Problem, 404)


def test_it_sends_xml_and_gets_a_translation_or_every_reason(client: Any, generated: str) -> None:
    file, ask = part(generated, "types").File, operations(generated)["translate"]
    (entry,) = operations(generated)["get_binaries"].sync(client=client).binaries

    def translated(name: str) -> Any:
        body = file(payload=io.BytesIO((DOMAINS / name).read_bytes()))
        return ask.sync(client=client, body=body, binary=entry.id)

    sound, refused = translated("example.xml"), translated("refused.xml")
    assert sound.argv[0] == "/usr/bin/qemu-system-x86_64"
    assert [one.rule for one in refused.refusals] == ["domain/check-hotplug"]
    assert json.dumps(refused.to_dict())
