"""``POST /v1/check-argv`` through a real socket: what it takes, what it says, and its bounds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from prober.commandline.report import MOST_FINDINGS, ArgvReport
from prober.service.client import Client
from prober.service.problems import Problem
from tests.recordings import FIXTURES, load_recording
from tests.unit.capabilities.asking import Asker, Told
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running

ID = "qemu-system-x86_64"
ROUTE = "/v1/check-argv"
JSON = "application/json"
RECORDING = load_recording(FIXTURES / "qemu-7.2.22.replies.xz")


class Recorded(Asker):
    """Every binary says what QEMU 7.2 does."""

    async def __call__(self, path: str) -> Told:
        self.asked.append(path)
        return Told(RECORDING)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    directory = tmp_path_factory.mktemp("served")
    make_binary(directory / "bin", ID)
    settings = make_settings(directory)
    with running(settings, Recorded()) as socket, Client(socket) as client:
        yield client, str(directory / "bin" / ID)


def ask(service: tuple[Client, str], *words: str, query: str = "") -> ArgvReport:
    reply = service[0].post(ROUTE + query, json.dumps([service[1], *words]).encode(), JSON)
    assert reply.status == 200, reply.value
    return ArgvReport.model_validate(reply.value)


def refused(service: tuple[Client, str], status: int, body: bytes, kind: str = JSON, query: str = "") -> Problem:
    reply = service[0].post(ROUTE + query, body, kind)
    assert reply.status == status, reply.value
    return Problem.model_validate(reply.value)


def test_a_sound_command_line_is_clean(service: tuple[Client, str]) -> None:
    report = ask(service, "-machine", "pc", "-m", "256", "-nodefaults", "-device", "virtio-rng-pci")
    assert report == ArgvReport(findings=(), clean=True)


def test_a_fault_is_found_in_its_word(service: tuple[Client, str]) -> None:
    report = ask(service, "-S", "-device", "e1000,mak=x", "-nodefalts")
    assert not report.clean
    device, flag = report.findings
    assert (device.position, device.flag, device.part, device.kind) == (2, "-device", "mak", "error")
    assert (device.qemu_name, device.hint) == ("e1000.mak", "did you mean mac?")
    assert device.evidence is not None
    assert device.evidence.verdict == "absent"
    assert (flag.position, flag.flag) == (4, "-nodefalts")


def test_what_qemu_would_ignore_is_not_clean(service: tuple[Client, str]) -> None:
    report = ask(service, "-machine", "pc", "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
    assert [finding.kind for finding in report.findings] == ["ignored"]
    assert not report.clean


def test_what_is_unknown_is_shown_and_may_be_left_out(service: tuple[Client, str]) -> None:
    """A plugin reads its arguments itself."""
    words = ["-plugin", "file=/a,b=1"]
    report = ask(service, *words)
    assert [(finding.kind, finding.part) for finding in report.findings] == [("unknown", "")]
    assert report.clean
    assert ask(service, *words, query="?assume_unknown_present=true") == ArgvReport(findings=(), clean=True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('["{}", "-device", "e1000,mak=x"]', JSON),
        ('["{}", "-device", "e1000,mak=x"]', ""),
        (' ["{}", "-device", "e1000,mak=x"]', "application/x-www-form-urlencoded"),
        ("LC_ALL=C \\\n{} \\\n-device e1000,mak=x\n", "text/plain; charset=utf-8"),
        ("{} -device 'e1000,mak=x'", "application/octet-stream"),
    ],
)
def test_words_and_shell_lines_are_read(service: tuple[Client, str], body: str, kind: str) -> None:
    reply = service[0].post(ROUTE, body.format(service[1]).encode(), kind)
    assert [finding["qemu_name"] for finding in reply.value["findings"]] == ["e1000.mak"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", JSON),
        (b"[]", JSON),
        (b"{}", JSON),
        (b"null", JSON),
        (b'"qemu"', JSON),
        (b'["qemu", 1]', JSON),
        (b'["qemu"', JSON),
        (b"\xff", JSON),
        (b"[" * 100_000, JSON),
        (b"", "text/plain"),
        (b"  \n", "text/plain"),
        (b"qemu 'open", "text/plain"),
        (b"qemu \xff", "text/plain"),
        (b'["qemu-system-x86_64", "\\ud800"]', JSON),
        (json.dumps([ID] * 4001).encode(), JSON),
    ],
    ids=repr,
)
def test_what_is_no_command_line_is_400(service: tuple[Client, str], body: bytes, kind: str) -> None:
    assert refused(service, 400, body, kind).detail


def test_a_body_of_another_kind_is_415(service: tuple[Client, str]) -> None:
    refused(service, 415, b"<domain/>", "application/xml")


def test_a_large_body_is_413(service: tuple[Client, str]) -> None:
    refused(service, 413, b" " * ((256 << 10) + 1))


@pytest.mark.parametrize("query", ["?monitor=/x", "?assume_unknown_present=maybe", "?binary=a&binary=b"])
def test_a_wrong_query_is_400(service: tuple[Client, str], query: str) -> None:
    refused(service, 400, b'["qemu-system-x86_64"]', query=query)


def test_the_binary_is_of_the_catalog_or_404(service: tuple[Client, str]) -> None:
    body = b'["/bin/true", "-S"]'
    problem = refused(service, 404, body)
    assert problem.type == "urn:prober:unknown-binary"
    assert "?binary=" in (problem.hint or "")
    refused(service, 404, body, query="?binary=/bin/true")
    for name in (ID, service[1]):
        assert service[0].post(f"{ROUTE}?binary={name}", body, JSON).value == {
            "ground": "checked",
            "findings": [],
            "clean": True,
            "left_off": 0,
        }


def test_more_than_anybody_reads_is_counted(service: tuple[Client, str]) -> None:
    words = [f"-x{number}" for number in range(MOST_FINDINGS + 5)]
    report = ask(service, *words)
    assert (len(report.findings), report.left_off, report.clean) == (MOST_FINDINGS, 5, False)


def test_others_are_answered_while_the_largest_command_line_is_checked(service: tuple[Client, str]) -> None:
    # Were the service busy with it, one answer would take as long as the check itself.  A machine under load may
    # hold one back by chance, so that happens in every try only if the service does it.
    words = [word for number in range(1999) for word in ("-device", f"virtio-blk-pcx{number}")]
    shares = []
    for _ in range(5):
        with Client(service[0].socket_path) as other:
            shares.append(longest_wait_while(partial(ask, (other, service[1]), *words), service[0]))
        if shares[-1] < 0.5:
            return
    raise AssertionError(f"an answer took these parts of the time that the check took: {shares}")


def longest_wait_while(ask_long: Callable[[], ArgvReport], client: Client) -> float:
    """The longest that another client waited for an answer, as a part of the time that the long question took."""
    took = []

    def run() -> None:
        began = time.perf_counter()
        assert len(ask_long().findings) == MOST_FINDINGS
        took.append(time.perf_counter() - began)

    asker = threading.Thread(target=run)
    asker.start()
    longest = 0.0
    while asker.is_alive():
        began = time.perf_counter()
        assert client.get("/healthz").ok
        longest = max(longest, time.perf_counter() - began)
    asker.join()
    return longest / took[0]
