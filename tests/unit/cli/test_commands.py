"""The rows of the commands, against their modules and what they ask."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path

import pytest

from prober.cli.commands import COMMANDS, FLEET
from prober.service.client import NOTHING, Client, Reply
from prober.service.routes import BINARIES, BINARY, ROUTES, Route
from tests.conftest import CHECKOUT
from tests.recordings import FIXTURES
from tests.unit.capabilities.making import make_binary
from tests.unit.cli.conftest import Run
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_check_argv import Recorded

pytestmark = pytest.mark.slow

FACT = "PIIX4_PM.acpi-root-pci-hotplug"
REPLIES = FIXTURES / "qemu-10.0.13.replies.xz"
DOMAIN = b"""<domain type="qemu"><name>vm</name><memory>262144</memory>
  <os><type machine="pc">hvm</type></os></domain>"""

#: How each command that asks somebody is called so that it asks all that it can.
CALLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "show": (
        (),
        ("types",),
        ("type", "PIIX4_PM"),
        ("machines",),
        ("cpus",),
        ("commands",),
        ("command", "blockdev-add"),
        ("host",),
    ),
    "explain": ((FACT,),),
    "supports": ((FACT,),),
    "domcapabilities": (("--machine", "q35"),),
    "labels": ((),),
    "translate": (("-",),),
    "check-argv": (("--", "/usr/bin/qemu-system-x86_64", "-S"),),
}


def test_each_row_has_its_function() -> None:
    for row in (one for outer in COMMANDS for one in (outer.within or (outer,))):
        function = getattr(importlib.import_module(row.module), row.function)
        assert inspect.getdoc(function), row.name
        assert all(route in ROUTES for route in row.asks)


def test_the_page_of_the_command_names_each() -> None:
    page = (CHECKOUT / "docs" / "cli.md").read_text()
    table = page.partition("## Commands\n")[2].partition("\n### ")[0]
    assert [row.name for row in COMMANDS if f"| `prober {row.name}" not in table] == []
    page = (CHECKOUT / "docs" / "fleet.md").read_text()
    assert [row.name for row in FLEET if f"| `prober fleet {row.name}" not in page] == []


@pytest.mark.parametrize("name", CALLS)
def test_a_command_asks_what_its_row_says(run: Run, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Route] = []
    ask = Client.ask

    def listening(
        client: Client,
        route: Route,
        places: Mapping[str, str] = NOTHING,
        query: Mapping[str, str] = NOTHING,
        body: bytes = b"",
    ) -> Reply:
        asked.append(route)
        try:
            return ask(client, route, places, query, body)
        finally:
            client.close()  # At the end of a process nobody has to; here it goes on.

    monkeypatch.setattr(Client, "ask", listening)
    make_binary(tmp_path / "bin", "qemu-system-x86_64")
    (row,) = (row for row in COMMANDS if row.name == name)
    with running(make_settings(tmp_path), Recorded()) as socket:
        for words in CALLS[name]:
            remote = run(name, "--socket", socket, "--binary", "qemu-system-x86_64", *words, stdin=DOMAIN)
            # A recording does not tell of a host.
            here = ("--binary", "/bin/false") if words == ("host",) else ("--replies", REPLIES)
            local = run(name, *here, *words, stdin=DOMAIN)
            assert (remote.code, local.code) == (0, 0), (words, remote, local)
    # The service is asked for its binaries besides, to find the one that is named.
    assert {route.name for route in asked} - {BINARIES.name, BINARY.name} == {route.name for route in row.asks} - {
        BINARIES.name,
        BINARY.name,
    }
