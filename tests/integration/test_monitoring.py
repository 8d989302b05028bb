"""What is given for watching, against a real service: each metric that the dashboard and the rules name is told by it,
and Prometheus' own tool takes the rules, the expressions and the text."""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from prober.service.metrics.families import FAMILIES, OF_PROCESS
from tests.conftest import CHECKOUT
from tests.integration.packages import find_in_package
from tests.integration.processes import run_prober
from tests.integration.service_process import Service, start_ready_service

MONITORING = CHECKOUT / "packaging" / "monitoring"
RULES = MONITORING / "alerts.yaml"
RULE_TESTS = CHECKOUT / "tests" / "monitoring" / "alerts.yaml"
REPLIES = CHECKOUT / "fixtures" / "replies" / "qemu-7.2.22.replies.xz"

#: What the rules take from others: Prometheus itself, and node-exporter.
FROM_OTHERS = {"up", "node_textfile_mtime_seconds"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("watched")
    with start_ready_service(directory, "--directory", directory / "none", "--replies", REPLIES, shared=True) as made:
        with made.client() as client:
            (entry,) = client.get("/v1/binaries").value["binaries"]
            assert client.get(f"/v1/binaries/{entry['id']}").value["state"] == "ready"
        yield made


@pytest.fixture(scope="module")
def told(service: Service) -> set[str]:
    """The names of all samples that a service of one recording tells."""
    return {sample.name for family in parse_text(_scrape(service).decode()) for sample in family.samples}


def _scrape(service: Service) -> bytes:
    with service.client() as client:
        assert client.get("/healthz").ok
        status, text = client.fetch("/metrics")
    assert status == 200
    return text


@cache
def dashboard() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    return value


def _queries() -> dict[str, str]:
    """Each expression of the dashboard, with what stands in for Grafana's variables."""
    found = {}
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "5m").replace("$__range", "6h")
            found[f"{panel['title']} {target['refId']}"] = expression.replace("$instance", ".*")
    return found


def _rules() -> dict[str, str]:
    """Each expression of the rules.  A folded one goes on in deeper lines."""
    rules = re.findall(r"- alert: (\w+)\n +expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels):", RULES.read_text())
    return {name: " ".join(expression.split()) for name, expression in rules}


def metrics_of(expression: str) -> set[str]:
    """The metrics that a PromQL expression asks for: names that are no function, no word of it and no label."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"{[^}]*}", "", bare)
    bare = re.sub(r"\b(by|without)\s*\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w$])([a-z_]\w*)\b(?!\s*\()", re.sub(r"\[[^]]*\]", "", bare))
    return {name for name in names if name not in ("sum", "max", "or", "and", "unless", "by", "without")}


def test_metrics_of_an_expression() -> None:
    expression = 'histogram_quantile(0.99, sum by (le) (rate(a_bucket{x="b_c"}[5m]))) > 0.1 or sum without (z) (d) > 1'
    assert metrics_of(expression) == {"a_bucket", "d"}


def test_every_metric_is_told_and_every_one_told_is_described(told: set[str]) -> None:
    ends = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    described = {family.name + end for family in (*FAMILIES, *OF_PROCESS) for end in ends[family.kind]}
    assert told == described


def test_every_metric_of_dashboard_and_rules_is_told(told: set[str]) -> None:
    rules, queries = _rules(), _queries()
    assert len(rules) == RULES.read_text().count("- alert:") > 10
    assert len(queries) > 20
    for name, expression in {**rules, **queries}.items():
        asked = metrics_of(expression)
        assert asked, name
        assert asked <= told | FROM_OTHERS, (name, asked - told)


def test_every_metric_is_on_the_dashboard() -> None:
    """But for two that say what others of them say better."""
    shown = {name for expression in _queries().values() for name in metrics_of(expression)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    left_out = {family.shown for family in (*FAMILIES, *OF_PROCESS)} - shown
    assert left_out == {
        "prober_process_virtual_memory_bytes",
        "prober_process_start_time_seconds",
        "prober_process_max_fds",
    }


def test_dashboard_is_whole() -> None:
    """Ids and places of panels are told once, and each panel is of the data source that is chosen."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        left, top, width, height = (panel["gridPos"][key] for key in "xywh")
        taken = {(x, y) for x in range(left, left + width) for y in range(top, top + height)}
        assert not taken & cells, panel["title"]
        assert left + width <= 24
        cells |= taken
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all('instance=~"$instance"' in target["expr"] for target in panel["targets"]), panel["title"]
    assert [item["name"] for item in dashboard()["templating"]["list"]] == ["datasource", "instance"]


@cache
def promtool() -> Path:
    """Prometheus' tool; taken out of Debian's package where it was not yet."""
    kept = CHECKOUT / "build" / "promtool"
    kept.parent.mkdir(exist_ok=True)
    with kept.with_name("promtool.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        found = find_in_package("PROBER_PROMTOOL", kept, "prometheus", "./usr/bin/promtool")
        found.chmod(0o755)
    return found


def _run(*words: object, stdin: bytes = b"") -> tuple[int, str]:
    done = subprocess.run([promtool(), *map(str, words)], input=stdin, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def test_rules_are_rules() -> None:
    code, said = _run("check", "rules", RULES)
    assert code == 0, said
    assert f"{len(_rules())} rules found" in said


def test_each_rule_fires_when_it_should_and_not_else(tmp_path: Path) -> None:
    code, said = _run("test", "rules", RULE_TESTS)
    assert code == 0, said
    text = RULE_TESTS.read_text()
    for name in _rules():
        assert re.search(rf"alertname: {name}\n +exp_alerts:", text), f"{name} is never seen to fire"
        assert re.search(rf"alertname: {name}}}", text), f"{name} is never seen to be silent"
    # A rule of another bound is found.
    rules = tmp_path / "alerts.yaml"
    rules.write_text(RULES.read_text().replace("0.8 * prober_connections_limit", "8 * prober_connections_limit"))
    spoilt = tmp_path / "test.yaml"
    spoilt.write_text(text.replace("../../packaging/monitoring/alerts.yaml", str(rules)))
    code, said = _run("test", "rules", spoilt)
    assert code != 0
    assert "ProberConnectionsNearLimit" in said


def test_each_expression_of_the_dashboard_is_one(tmp_path: Path) -> None:
    rules = [{"record": f"panel:number:{number}", "expr": text} for number, text in enumerate(_queries().values())]
    path = tmp_path / "panels.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # JSON is YAML too
    code, said = _run("check", "rules", path)
    assert code == 0, said
    assert f"{len(rules)} rules found" in said


def test_the_text_is_taken_as_good(service: Service) -> None:
    """By Prometheus' linter, and both formats by parsers that are strict."""
    text = _scrape(service)
    code, said = _run("check", "metrics", stdin=text)
    assert (code, said) == (0, "")
    assert {family.name for family in parse_text(text.decode())} == {family.name for family in (*FAMILIES, *OF_PROCESS)}
    answer = subprocess.run(
        [
            "curl",
            "--silent",
            "--unix-socket",
            service.socket,
            "-H",
            "Accept: application/openmetrics-text",
            "http://x/metrics",
        ],
        capture_output=True,
        check=True,
    )
    assert answer.stdout.endswith(b"# EOF\n")
    found = [*parse_openmetrics(answer.stdout.decode())]  # type: ignore[no-untyped-call]
    assert len(found) == len((*FAMILIES, *OF_PROCESS))


def test_textfile(service: Service, tmp_path: Path) -> None:
    """Written whole, for everybody to read, with nothing beside it; and left alone where there is nothing to write."""
    path = tmp_path / "prober.prom"
    ended = run_prober("metrics", "--socket", service.socket, "--textfile", path)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [*tmp_path.iterdir()] == [path]
    first = path.read_bytes()
    assert _run("check", "metrics", stdin=first) == (0, "")
    ended = run_prober("metrics", "--socket", tmp_path / "nobody.sock", "--textfile", path)
    assert ended.code == 5
    assert "there is no service" in ended.err
    assert path.read_bytes() == first
    assert [*tmp_path.iterdir()] == [path]
    ended = run_prober("metrics", "--socket", service.socket, "--textfile", tmp_path / "none" / "prober.prom")
    assert ended.code == 5
    assert "make the directory" in ended.err
    ended = run_prober("metrics", "--socket", service.socket, "--textfile", tmp_path / "prober.txt")
    assert (ended.code, "does not end in .prom" in ended.err) == (2, True)
    ended = run_prober("metrics", "--socket", service.socket)
    assert ended.code == 0
    assert any(line.startswith("prober_build_info{") for line in ended.out.splitlines())
