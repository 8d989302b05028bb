"""Which of a service's binaries is asked, and what becomes of its errors."""

from __future__ import annotations

from typing import Any

import pytest

from prober.cli.remote import check_reply, own_architecture
from prober.errors import (
    BinaryFailedError,
    FactError,
    ProberError,
    RefusedError,
    ServiceError,
    UnknownBinaryError,
    UnreadableDomainError,
    UsageError,
)
from prober.service.client import Reply


def _entry(path: str, version: tuple[int, int, int] | None, kind: str = "binary", target: str = "x86_64") -> Any:
    numbers = None if version is None else dict(zip(("major", "minor", "micro"), version, strict=True))
    return {"path": path, "kind": kind, "version": numbers, "targets": [] if version is None else [target]}


NAMED = _entry("/usr/bin/qemu-system-x86_64", (7, 2, 22))
OLDER, NEWER = _entry("/opt/a/qemu", (9, 2, 0)), _entry("/opt/b/qemu", (10, 0, 2))
RECORDED = _entry("/x/qemu-11.replies", (11, 1, 0), "recording")
ARM, FAILED = _entry("/usr/bin/qemu-system-arm", (10, 0, 0), target="arm"), _entry("/opt/c/qemu", None)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([RECORDED, NEWER, NAMED], NAMED),
        ([OLDER, NEWER, RECORDED, ARM, FAILED], NEWER),
        ([ARM, RECORDED], RECORDED),
        ([ARM, FAILED], None),
        ([], None),
    ],
)
def test_the_binary_for_the_hosts_own_guests_is_asked(entries: list[Any], expected: Any) -> None:
    assert own_architecture(entries, "x86_64") is expected


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "urn:prober:usage", UsageError),
        (400, "urn:prober:fact", FactError),
        (404, "urn:prober:unknown-binary", UnknownBinaryError),
        (503, "urn:prober:binary-failed", BinaryFailedError),
        (503, "about:blank", ServiceError),
        (500, "urn:prober:something-new", ServiceError),
    ],
)
def test_a_problem_becomes_the_error_that_it_was(status: int, kind: str, expected: type[ProberError]) -> None:
    problem = {"type": kind, "detail": "what", "hint": "name one with ?binary="}
    with pytest.raises(expected) as raised:
        check_reply(Reply(status, problem))
    assert type(raised.value) is expected
    assert (raised.value.message, raised.value.hint) == ("what", "name one with --binary")


def test_an_unreadable_domain_keeps_its_line() -> None:
    problem = {"type": "urn:prober:unreadable-domain", "detail": "bad", "line": 7}
    with pytest.raises(UnreadableDomainError) as raised:
        check_reply(Reply(400, problem))
    assert raised.value.line == 7


def test_refusals_are_refusals_again() -> None:
    refusal = {"place": {"line": 3, "path": "/domain/vcpu"}, "message": "too many", "hint": "fewer"}
    with pytest.raises(RefusedError) as raised:
        check_reply(Reply(422, {"type": "urn:prober:refused", "refusals": [refusal]}))
    assert [str(item) for item in raised.value.refusals] == ["3: /domain/vcpu: too many (fewer)"]


@pytest.mark.parametrize("value", [None, [], "text", {}, {"type": 1, "detail": 2, "hint": None}])
def test_an_error_that_is_no_problem_is_still_one_of_ours(value: Any) -> None:
    with pytest.raises(ServiceError):
        check_reply(Reply(502, value))


@pytest.mark.parametrize("refusals", [None, [], [{}], "text"])
def test_refusals_that_are_none_are_the_services_fault(refusals: Any) -> None:
    with pytest.raises(ServiceError, match="did not say why"):
        check_reply(Reply(422, {"type": "urn:prober:refused", "refusals": refusals}))
