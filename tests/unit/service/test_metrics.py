"""What is counted, and the text that comes of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from prober.capabilities.observer import PARTS, outcomes
from prober.service.client import Client
from prober.service.metrics import families
from prober.service.metrics.exposition import write_text
from prober.service.metrics.families import FAMILIES
from prober.service.metrics.lag import watch_lag
from prober.service.metrics.scraping import wants_openmetrics
from prober.service.metrics.sources import samples_of_workers
from prober.service.metrics.tally import Sample, Spread, Tally
from prober.service.routes import HEALTH, ROUTES, SUPPORTS
from prober.service.workers.pool import PoolFigures
from tests.conftest import aio
from tests.raw_http import connect
from tests.recordings import ROOT
from tests.unit.capabilities.asking import Asker
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running
from tools.metrics_page import PAGE, render_page


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of this name, by the values of their labels, these by the labels' names."""
    found = (sample for family in parse(text) for sample in family.samples if sample.name == name)
    return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in found}


def text_of(tally: Tally) -> str:
    return write_text(tally.samples(), as_openmetrics=False).decode()


def test_a_spread_counts_up_to_each_bound() -> None:
    spread = Spread((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 1.0, 1.5):
        spread.add(seconds)
    assert spread.counts == [2, 2, 1]
    assert spread.total == pytest.approx(3.15)
    copy = spread.copy()
    spread.add(0.5)
    assert copy.counts == [2, 2, 1]
    assert copy.total == pytest.approx(3.15)


def test_requests_by_route_and_status() -> None:
    tally = Tally(ROUTES)
    for status in (200, 200, 404):
        tally.answered(SUPPORTS, status, 0.002)
    tally.answered(None, 404, 0.0001)
    tally.unread("head", 431)
    text = text_of(tally)
    assert values(text, "prober_requests_total") == {
        ("GET", SUPPORTS.path, "200"): 2,
        ("GET", SUPPORTS.path, "404"): 1,
        ("any", "none", "404"): 1,
        ("any", "unread", "431"): 1,
    }
    assert values(text, "prober_request_seconds_count")["GET", SUPPORTS.path] == 3
    assert values(text, "prober_request_seconds_sum")["GET", SUPPORTS.path] == pytest.approx(0.006)
    buckets = values(text, "prober_request_seconds_bucket").items()
    assert {value for key, value in buckets if key[2] == SUPPORTS.path and float(key[0]) < 0.002} == {0}
    assert {value for key, value in buckets if key[2] == SUPPORTS.path and float(key[0]) > 0.002} == {3}
    assert values(text, "prober_refusals_total")[("head",)] == 1


def test_a_route_that_was_not_named_is_counted_too() -> None:
    tally = Tally()
    tally.answered(HEALTH, 200, 0.1)
    assert values(text_of(tally), "prober_requests_total") == {("GET", "/healthz", "200"): 1}


def test_whatever_can_come_is_there_from_the_start() -> None:
    """An increase from nothing is seen by nobody who asks for rates."""
    text = text_of(Tally(ROUTES))
    assert {part for _, part in values(text, "prober_stale_answers_total")} == set(PARTS)
    assert {outcome for (outcome,) in values(text, "prober_interview_seconds_count")} == set(outcomes())
    assert {"refused", "busy", "forbidden", "usage", "connections", "slow"} <= {
        kind for (kind,) in values(text, "prober_refusals_total")
    }
    assert {path for _, path in values(text, "prober_request_seconds_count")} >= {route.path for route in ROUTES}
    told = [(sample.name, sample.value) for family in parse(text) for sample in family.samples]
    assert {name for name, value in told if value and "_process_" not in name} == {"prober_build_info"}


def test_sources_are_asked_when_someone_looks() -> None:
    tally, states = Tally(), ["ready"]

    def source() -> Iterator[Sample]:
        return (Sample(families.BINARIES, (state,), 1) for state in states)

    tally.add_source(source)
    states.append("failed")
    assert values(text_of(tally), "prober_binaries") == {("ready",): 1, ("failed",): 1}


def test_what_workers_do() -> None:
    tally = Tally()
    answered, replaced = Counter({"translate": 7, "new": 1}), Counter({"deadline": 1})
    figures = PoolFigures(busy=2, waiting=3, answered=answered, replaced=replaced, refused=4)
    tally.add_source(lambda: samples_of_workers(2, figures))
    text = text_of(tally)
    assert values(text, "prober_workers_busy") == {(): 2}
    assert values(text, "prober_worker_questions_waiting") == {(): 3}
    assert values(text, "prober_worker_questions_refused_total") == {(): 4}
    assert values(text, "prober_workers_replaced_total") == {
        ("deadline",): 1,
        ("killed",): 0,
        ("memory",): 0,
        ("share",): 0,
    }
    told = values(text, "prober_worker_questions_total")
    assert (told[("translate",)], told[("new",)], told[("check",)]) == (7, 1, 0)
    assert {("words",), ("answer",), ("describe",), ("host",)} < set(told)


def test_a_label_is_escaped() -> None:
    tally = Tally()
    tally.add_source(lambda: [Sample(families.BINARIES, ('a"b\\c\nd',), 1)])
    assert values(text_of(tally), "prober_binaries") == {('a"b\\c\nd',): 1}


def test_every_family_has_its_rows_as_it_should() -> None:
    for family in FAMILIES:
        assert (family.kind == "histogram") == bool(family.bounds), family.name
        assert list(family.bounds) == sorted(set(family.bounds))
        assert family.name.startswith("prober_")
        assert not family.name.endswith("_total")
        assert family.help.endswith(".")
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_the_page_has_what_the_rows_say() -> None:
    page = PAGE.read_text()
    assert render_page(page) == page, "make docs"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4", True),
        ("text/plain, Application/OpenMetrics-Text ; version=1.0.0", True),
        ("application/openmetrics-text;q=0, text/plain", False),
        ("application/openmetrics-text; q=0.0", False),
        (";;,,;=;" * 500, False),
        ("application/openmetrics-text;version=x.y.\xff", True),
    ],
)
def test_who_gets_openmetrics(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted


def test_the_lag_of_a_loop_that_is_held() -> None:
    tally = Tally()

    async def main() -> None:
        watcher = asyncio.create_task(watch_lag(tally))
        await asyncio.sleep(0.05)
        time.sleep(0.6)
        await asyncio.sleep(0.05)
        watcher.cancel()

    aio(main(), debug=False)
    text = text_of(tally)
    assert values(text, "prober_event_loop_lag_seconds_count") == {(): 1}
    assert values(text, "prober_event_loop_lag_seconds_sum")[()] > 0.25


def test_a_service_tells_of_itself(tmp_path: Path) -> None:
    """Interviews, answers, refusals, and that a binary changed, each where it happens."""
    first = make_binary(tmp_path / "bin")
    with running(make_settings(tmp_path), Asker()) as path, Client(path, timeout=20) as client:
        assert client.get("/v1/binaries/qemu-system-x86_64").ok
        assert client.get("/readyz").value == {"status": "ready", "binaries": {"ready": 1}}
        assert client.get("/v1/binaries/qemu-system-x86_64/types").ok
        assert client.get("/v1/binaries/" + "x" * 3000).status == 404
        assert client.get("/no/such/" + "y" * 3000).status == 404
        assert client.post("/v1/translate", b"<not").status == 400
        first.write_text(first.read_text() + "\n# another")
        assert client.get("/v1/binaries/qemu-system-x86_64").ok
        text = client.fetch("/metrics")[1].decode()
    assert "xxx" not in text
    assert "yyy" not in text
    assert values(text, "prober_interview_seconds_count")[("answered",)] == 2
    stale = values(text, "prober_stale_answers_total")
    assert sum(value for (_, part), value in stale.items() if part == "file") == 1
    assert sum(stale.values()) == 1
    assert values(text, "prober_cache_reads_total")[("absent",)] >= 1
    refusals = values(text, "prober_refusals_total")
    assert (refusals[("unknown-binary",)], refusals[("unreadable-domain",)]) == (1, 1)
    assert values(text, "prober_connections") == {("api",): 1}
    assert values(text, "prober_binaries") == {("ready",): 1, ("failed",): 0, ("waiting",): 0, ("asking",): 0}
    ident = "qemu-system-x86_64"
    (labels,) = values(text, "prober_qemu_info")
    assert (labels[0], labels[1]) == (ident, "x86_64")
    assert values(text, "prober_qemu_kvm") == {(ident,): 0}
    assert abs(values(text, "prober_qemu_asked_timestamp_seconds")[(ident,)] - time.time()) < 600
    requests = values(text, "prober_requests_total")
    assert requests["GET", "/v1/binaries/{id}", "404"] == 1
    assert requests["any", "none", "404"] == 1
    assert values(text, "prober_answers_used_total")[()] > 0


def test_listeners_are_counted(tmp_path: Path) -> None:
    with running(make_settings(tmp_path), Asker()) as path, Client(path, timeout=20) as client:
        with connect(path) as first, connect(path) as second:
            for number, stream in enumerate((first, second), start=1):
                stream.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
                assert stream.recv(65536).startswith(b"HTTP/1.1 200")
                text = client.fetch("/metrics")[1].decode()
                assert values(text, "prober_event_listeners") == {(): number}
        deadline = time.monotonic() + 20
        while values(client.fetch("/metrics")[1].decode(), "prober_event_listeners") != {(): 0}:
            assert time.monotonic() < deadline


def test_a_service_that_is_not_ready_says_who_is_missing(tmp_path: Path) -> None:
    make_binary(tmp_path / "bin")
    gate = threading.Event()
    asker = Asker(meanwhile=lambda: gate.wait(20))
    with running(make_settings(tmp_path), asker) as path, Client(path, timeout=20) as client:
        reply = client.get("/readyz")
        assert (reply.status, reply.value["type"]) == (503, "urn:prober:not-ready")
        assert reply.value["waiting"] == ["qemu-system-x86_64"]
        assert "1 of 1 binaries have no answer yet: qemu-system-x86_64" in reply.value["detail"]
        assert client.get("/healthz").ok
        gate.set()
        assert client.get("/v1/binaries/qemu-system-x86_64").ok
        assert client.get("/readyz").ok


def test_nothing_of_prometheus_is_loaded_before_the_first_scrape() -> None:
    """It is a fifth of a second, and 5 MB."""
    program = (
        "import sys; import prober.service.server, prober.cli.serve, prober.cli.metrics, prober.cli.main;"
        "sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
