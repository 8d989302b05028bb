"""The page's server, asked by who should not: nothing is given, started or opened, and it goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober.pages.live.asking import MOST_WAITING
from prober.pages.live.handlers import MOST_BODY, SECURITY_HEADERS
from tests.conftest import CHECKOUT
from tests.integration.processes import run_prober, start_group, start_service, wait_until
from tests.integration.ui import UiServer, start_ui
from tests.raw_http import everything
from tests.unit.service.asking_as import require_root

pytestmark = pytest.mark.slow

DOMAINS = CHECKOUT / "fixtures" / "domains"
EXAMPLE = (DOMAINS / "example.xml").read_bytes()
REFUSED = (DOMAINS / "refused.xml").read_bytes()
BINARY = "qemu-10.0.13"
#: Half a request on each of a hundred connections, held until somebody ends it.
_HOLDING = (
    "/usr/bin/python3", "-c",
    """if True:
    import socket, sys, time
    held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(100)]
    for one in held:
        one.sendall(b"POST /session HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9\\r\\n\\r\\nx")
    print("holds", flush=True)
    time.sleep(60)
    """,
)  # fmt: skip
STARTING = ("/api/prove", "/api/refresh", "/api/plug", "/api/migrate")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a service of one recording."""
    place = tmp_path_factory.mktemp("ui")
    stand_in = CHECKOUT / "fixtures" / "replies" / f"{BINARY}.replies.xz"
    with start_service(place / "p.sock", "--directory", place / "none", "--replies", stand_in):
        yield place / "p.sock"


@pytest.fixture(scope="module")
def ui(service: Path) -> Iterator[UiServer]:
    """A page's server, with the session of the one browser."""
    with start_ui(service, DOMAINS) as started:
        started.open_session()
        yield started


@pytest.fixture(scope="module")
def ident(ui: UiServer) -> str:
    (entry,) = ui.ask("GET", "/api/binaries").json["binaries"]
    return str(entry["id"])


def test_the_page_has_its_data_for_the_session(ui: UiServer, ident: str) -> None:
    book = ui.ask("GET", "/api/book").json
    assert [qemu["ident"] for qemu in book["qemus"]] == [ident]
    assert {name for name, _ in book["domains"]} == {"example.xml", "refused.xml"}
    assert [book["outcomes"][row[0]][0] for row in book["cells"]] == ["yes", "no"]


def test_a_domain_and_a_line_are_checked_by_the_service(ui: UiServer, ident: str) -> None:
    path = f"/api/check?binary={ident}"
    told = ui.ask("POST", path, REFUSED).json
    assert (told["kind"], told["cell"][0], told["cell"][1][0][1]) == (
        "domain", "no", "/domain/pm/acpi-root-hotplug/@enabled",
    )  # fmt: skip
    assert [bus[0] for bus in told["cell"][4]] == ["pcie.0", "pci.1", "pci.2"]
    told = ui.ask("POST", path, b"qemu -device 'nonsense,x=1' -S").json
    assert told["words"] == ["qemu", "-device", "nonsense,x=1", "-S"]
    assert [(one["position"], one["kind"]) for one in told["report"]["findings"]] == [(1, "error")]
    assert ui.ask("POST", path, b"qemu -device 'open").json["problem"]["status"] == 400
    assert ui.ask("POST", path, b"<domain").json["cell"][0] == "unreadable"


@pytest.mark.parametrize("path", ["/", "/static/base.js", "/session", "/api/book", "/nothing", "/../etc/passwd"])
def test_each_answer_says_what_a_browser_is_to_keep_to(ui: UiServer, path: str) -> None:
    for host in (ui.host, "evil.example"):
        answer = ui.ask("GET", path, host=host)
        assert {name: answer.headers.get(name) for name, _ in SECURITY_HEADERS} == dict(SECURITY_HEADERS)
        assert not any(name.startswith("access-control-") for name in answer.headers)
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("line", "hosts", "status"),
    [
        ("/api/binaries", ["{own}", "evil.example"], 400),
        ("/api/binaries", ["evil.example", "{own}"], 400),
        ("http://evil.example/api/binaries", ["{own}"], 421),
        ("http://evil.example:{port}/api/binaries", ["{own}"], 421),
        ("http://127.0.0.1.:{port}/api/binaries", ["{own}"], 421),
        ("http://{own}/api/binaries", ["{own}"], 200),
        ("/api/binaries", ["127.0.0.1.:{port}"], 421),
        ("/api/binaries", ["localhost.evil:{port}"], 421),
        ("/api/binaries", ["[::1]:{port}"], 421),
        ("/api/binaries", ["evil@{own}"], 421),
        ("/api/binaries", [], 421),
    ],
)
def test_the_host_is_our_own_however_it_is_told(ui: UiServer, line: str, hosts: list[str], status: int) -> None:
    """RFC 9112, 3.2: one header, which a whole URL in the request's line outdoes."""
    port = ui.host.partition(":")[2]
    told = [line, *(f"Host: {host}" for host in hosts), *(f"{name}: {value}" for name, value in ui.session.items())]
    first, *rest = [one.format(own=ui.host, port=port) for one in told]
    with socket.create_connection(("127.0.0.1", int(port))) as client:
        client.sendall("\r\n".join([f"GET {first} HTTP/1.1", *rest, "Connection: close", "", ""]).encode())
        answer = everything(client)
    assert answer.split(b" ", 2)[1] == str(status).encode()
    assert (b"qemu-10" in answer) == (status == 200)


@pytest.mark.needs("setpriv")
def test_another_user_of_the_host_keeps_nobody_out(ui: UiServer) -> None:
    """However many connections he holds: the half of them are for others."""
    require_root()
    port = ui.host.partition(":")[2]
    with start_group(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *_HOLDING, port]) as stranger:
        stranger.wait_for(lambda text: "holds" in text)
        for _ in range(5):
            assert ui.ask("GET", "/api/binaries").status == 200
    assert ui.ask("GET", "/api/binaries").status == 200


def test_a_page_that_is_loaded_again_and_again_leaves_nothing_behind(ui: UiServer) -> None:
    ident = ui.ask("GET", "/api/changes").json["id"]
    headers = "".join(f"{name}: {value}\r\n" for name, value in ui.session.items())
    wait = f"GET /api/changes?since={ident}&wait=60 HTTP/1.1\r\nHost: {ui.host}\r\n{headers}\r\n".encode()
    for _ in range(2 * MOST_WAITING):
        with socket.create_connection(("127.0.0.1", int(ui.host.partition(":")[2]))) as page:
            page.sendall(wait)
            assert ui.ask("GET", "/api/binaries").status == 200
    wait_until(lambda: ui.ask("GET", f"/api/changes?since={ident}&wait=0.01").status == 200)


def test_another_name_that_leads_here_is_refused(ui: UiServer) -> None:
    """As where a page's own name is made to lead to the loopback (DNS rebinding)."""
    port = ui.host.partition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.2:{port}"):
        for path in ("/", "/api/book", "/static/base.js"):
            assert ui.ask("GET", path, host=host).status == 421
        assert ui.ask("POST", "/session", b"x", host=host, origin=f"http://{host}").status == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_another_page_in_the_same_browser_is_refused(ui: UiServer, ident: str, origin: str) -> None:
    for path in (f"/api/check?binary={ident}", *(f"{path}?binary={ident}" for path in STARTING), "/session"):
        assert ui.ask("POST", path, EXAMPLE, origin=origin).status == 403
        assert ui.ask("POST", path, EXAMPLE, origin="").status == 403
    assert ui.ask("GET", "/api/book", origin=origin).status == 403
    assert ui.ask("GET", "/api/book", sec_fetch_site="cross-site", sec_fetch_mode="no-cors").status == 403
    assert ui.ask("OPTIONS", "/api/book", origin=origin).status == 403


def test_who_has_no_session_gets_nothing(ui: UiServer, ident: str) -> None:
    asked = [("GET", "/api/book"), ("GET", "/api/binaries"), ("GET", "/api/changes"), ("GET", "/nothing")]
    asked += [("POST", f"{path}?binary={ident}") for path in ("/api/check", *STARTING)]
    for method, path in asked:
        for without in ("cookie", "x_prober_key"):
            answer = ui.ask(method, path, EXAMPLE if method == "POST" else b"", **{without: ""})
            assert (answer.status, answer.json["type"]) == (403, "urn:prober:usage"), path
            assert b"qemu-10" not in answer.body


def test_the_token_is_spent(ui: UiServer) -> None:
    for token in (ui.token, "", "x" * 43):
        answer = ui.ask("POST", "/session", token.encode())
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
    assert ui.ask("POST", "/session", b"x" * 1000).status == 413


def test_no_path_of_a_browser_is_opened(ui: UiServer) -> None:
    names = ["..%2f..%2fapp.py", "%2fetc%2fpasswd", "vendor%2fpreact.js", "..", "page.html", "app.js%00.css"]
    for name in names:
        assert ui.ask("GET", f"/static/{name}").status == 404
    assert ui.ask("GET", "/static/vendor/preact.js").status in (403, 404)
    assert ui.ask("GET", "/static/vendor-preact.js").status == 200
    told = ui.ask("POST", "/api/check?binary=%2fusr%2fbin%2fenv", EXAMPLE).json
    assert told["cell"][0] == "not asked" and "env" in told["cell"][1][0][2]
    evil = b"<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>&e;</name></domain>"
    answer = ui.ask("POST", f"/api/check?binary={BINARY}", evil)
    assert b"root:" not in answer.body


def test_sizes_are_bounded(ui: UiServer, ident: str) -> None:
    for path in ("/api/check", *STARTING):
        answer = ui.ask("POST", f"{path}?binary={ident}", b"<" + b"a" * MOST_BODY)
        assert answer.status == 413
    assert ui.ask("GET", f"/{'a' * 20000}").status == 431
    assert ui.ask("GET", "/api/book").status == 200


def test_a_recording_is_not_started_whoever_clicks(ui: UiServer, ident: str) -> None:
    answer = ui.ask("POST", f"/api/prove?binary={ident}", EXAMPLE, content_type="application/xml")
    assert (answer.status, answer.json["status"]) == (200, 409)
    assert "cannot be started" in answer.json["value"]["detail"]


def test_who_takes_steps_gets_the_same_as_the_last_line(ui: UiServer, ident: str) -> None:
    plain = ui.ask("POST", f"/api/prove?binary={ident}", EXAMPLE, content_type="application/xml").json
    answer = ui.ask(
        "POST", f"/api/prove?binary={ident}", EXAMPLE, content_type="application/xml", accept="application/x-ndjson"
    )
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.headers["cache-control"] == "no-store"
    *_, last = [json.loads(line) for line in answer.body.splitlines()]
    assert last == {"status": plain["status"], "answer": plain["value"]}


def test_what_the_service_does_not_do_is_told(ui: UiServer, ident: str) -> None:
    known = ui.ask("GET", "/api/binaries").json["paths"]
    for path in ("/v1/binaries/{id}/plug", "/v1/binaries/{id}/migrate"):
        name, to = path.rpartition("/")[2], f"&to={ident}" if path.endswith("migrate") else ""
        answer = ui.ask("POST", f"/api/{name}?binary={ident}{to}", EXAMPLE, content_type="application/xml")
        # Where there is one, it is no recording's to be started.
        assert answer.status == 200 and (answer.json["status"] == 404) == (path not in known)
        assert answer.json["status"] >= 400


def test_it_listens_on_the_loopback_alone(ui: UiServer) -> None:
    port = int(ui.host.partition(":")[2])
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_changes_are_waited_for_and_not_by_too_many(ui: UiServer) -> None:
    told = ui.ask("GET", "/api/changes").json
    assert {"changes", "id", "reset"} <= told.keys()
    assert ui.ask("GET", f"/api/changes?since={told['id']}&wait=0.1").json["changes"] == []
    assert ui.ask("GET", "/api/changes?wait=nonsense&since=x").status == 502


def test_it_ends_quickly_while_somebody_waits(service: Path) -> None:
    with start_ui(service) as started:
        started.open_session()
        ident = started.ask("GET", "/api/changes").json["id"]
        with socket.create_connection(("127.0.0.1", int(started.host.partition(":")[2]))) as waiting:
            headers = "".join(f"{name}: {value}\r\n" for name, value in started.session.items())
            waiting.sendall(
                f"GET /api/changes?since={ident}&wait=60 HTTP/1.1\r\nHost: {started.host}\r\n{headers}\r\n".encode()
            )
            wait_until(lambda: started.ask("GET", "/api/binaries").status == 200)
            assert started.group.press_ctrl_c() < 10
        assert "Traceback" not in started.group.printed


def test_a_service_that_is_not_there_is_told(tmp_path: Path) -> None:
    ended = run_prober("ui", "--socket", tmp_path / "none.sock")
    assert ended.code == 5
    assert "there is no service on" in ended.err and "Traceback" not in ended.err
    ended = run_prober("ui", "--socket", tmp_path / "none.sock", tmp_path / "none.xml")
    assert ended.code in (2, 5)


def test_a_port_that_is_taken_is_told(service: Path, ui: UiServer) -> None:
    ended = run_prober("ui", "--socket", service, "--port", ui.host.partition(":")[2])
    assert ended.code == 5
    assert "cannot listen on 127.0.0.1:" in ended.err


def test_nothing_of_json_is_html(ui: UiServer, ident: str) -> None:
    answer = ui.ask("POST", f"/api/check?binary={ident}", b"qemu -device '<img src=x onerror=alert(1)>'")
    assert answer.headers["content-type"] == "application/json"
    assert "<img" in json.dumps(answer.json)
