"""No answer is larger than a mebibyte, whatever is asked, and none takes a time that grows faster than the question."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from prober.commandline.brief import MOST_OF_AN_ANSWER
from prober.service.client import Client
from tests.cost import processor_time
from tests.integration.client_attack import Attack, post
from tests.integration.client_bodies import KIB, LARGEST, domain, filled, options, unknown_attributes, words
from tests.recordings import ROOT
from tests.unit.capabilities.asking import Asker
from tests.unit.service.running import make_settings, running

pytestmark = pytest.mark.slow

ID = "qemu-7.2.22"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("large")
    catalog = {"recordings": [ROOT / f"fixtures/replies/{ID}.replies.xz"]}
    with running(make_settings(directory, catalog), Asker()) as made:
        yield made


def ask(path: Path, target: str, body: bytes) -> tuple[int, bytes]:
    attack = Attack(str(path), ID, 60)
    kind = "application/json" if target == "check-argv" else "application/xml"
    head, _, content = attack.ask(post(f"/v1/{target}?binary={ID}", body, kind)).partition(b"\r\n\r\n")
    attack.close()
    return int(head.split()[1]), content


def _long_names() -> bytes:
    return domain("<devices " + " ".join(f"{'a' * 9000}{n}='1'" for n in range(100)) + "/>")


def _long_argument() -> bytes:
    entry = "<sysinfo type='smbios'><oemStrings><entry>" + '"' * 900_000 + "</entry></oemStrings></sysinfo>"
    return domain(entry).replace(b"</os>", b"<smbios mode='sysinfo'/></os>")


REFUSED: dict[str, Callable[[], bytes]] = {
    "80,000 unknown attributes": partial(unknown_attributes, 80_000),
    "unknown attributes with long names": _long_names,
    "unknown elements with long names": partial(filled, "<" + "a" * 9000 + "{n}/>", LARGEST - KIB),
    "a machine with a long name": lambda: domain("").replace(b"'pc'", b"'" + b"a" * 900_000 + b"'"),
    "a machine with a long name of other letters": lambda: domain("").replace(
        b"'pc'", b"'" + "é".encode() * 450_000 + b"'"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(path: Path, name: str) -> None:
    status, content = ask(path, "translate", REFUSED[name]())
    refusals = json.loads(content)["refusals"]
    assert status == 422
    assert len(content) <= MOST_OF_AN_ANSWER
    assert refusals[0]["message"]
    assert len(refusals) <= 100 or refusals[-1]["message"].startswith("and ")


FINDINGS: dict[str, Callable[[], bytes]] = {
    "unknown properties": partial(options, "-device", "virtio-blk-pci,x{n}=1", 1999),
    "unknown globals": partial(options, "-global", "virtio-blk-pci.x{n}=1", 1999),
    "unknown machines": partial(options, "-machine", "x{n}", 1999),
    "a long property": lambda: words("-device", "virtio-blk-pci," + "a" * 250_000 + "=1"),
    "a value of control characters": lambda: words("-device", "virtio-blk-pci,bootindex=" + "\x01" * 40_000),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_findings(path: Path, name: str) -> None:
    body = FINDINGS[name]()
    status, content = ask(path, "check-argv", body)
    report = json.loads(content)
    assert status == 200
    assert len(content) <= MOST_OF_AN_ANSWER
    assert not report["clean"]
    assert len(report["findings"]) + report["left_off"] >= (len(json.loads(body)) - 1) // 2


def test_command_line(path: Path) -> None:
    """It cannot be cut, so there is none."""
    status, content = ask(path, "translate", _long_argument())
    assert (status, "an answer has at most" in json.loads(content)["detail"]) == (400, True)


def test_all_that_is_known_of_a_binary_may_be_larger(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.service.application.MOST_OF_AN_ANSWER", 1000)
    with Client(path) as client:
        assert client.get(f"/v1/binaries/{ID}/capabilities").ok
        assert client.get(f"/v1/binaries/{ID}/types").status == 413


def test_what_is_not_understood_takes_a_time_that_grows_with_it(path: Path) -> None:
    """The whole service is in this process: four times as much takes four times as long, and not sixteen times."""
    took = []
    for number in (20_000, 80_000):
        body = unknown_attributes(number)
        times = []
        for _ in range(3):
            with processor_time(time.process_time) as cost:
                assert ask(path, "translate", body)[0] == 422
            times.append(cost.seconds)
        took.append(min(times))
    assert took[1] < took[0] * 9
