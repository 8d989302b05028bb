"""A short form of ``make fuzz``, the same each time; and what it found before, which has to stay found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prober.errors import RecordingError
from tests.fuzz.http import fuzz_api, fuzz_http
from tests.fuzz.mutator import Mutator
from tests.fuzz.running import CASES, fuzz
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.watch import MOST_S, try_growth, try_input

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: So many inputs a target: a second or two of processor time each.
_INPUTS = {
    "xml": 40,
    "replies": 300,
    "schema": 500,
    "qapi": 300,
    "words": 60,
    "config": 60,
    "settings": 300,
    "image": 300,
    "said": 200,
    "typed": 30,
    "device": 40,
    "command": 200,
    "body": 300,
    "state": 300,
}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_that_nobody_foresaw(target: Target) -> None:
    report = fuzz(target, 14, lambda inputs: inputs < _INPUTS[target.name])
    assert report.inputs == _INPUTS[target.name]
    assert {place: found for place, (_, found) in report.findings.items()} == {}


def test_bytes_that_are_nearly_requests() -> None:
    report = fuzz_http(14, lambda inputs: inputs < 60)
    assert {place: found for place, (_, found) in report.findings.items()} == {}


@pytest.mark.filterwarnings("ignore")  # of libraries that schemathesis uses
def test_requests_by_our_own_description() -> None:
    report = fuzz_api(14, lambda inputs: inputs < 30, examples=2)
    assert report.inputs >= 30
    assert {place: found for place, (_, found) in report.findings.items()} == {}


def _cases() -> Iterator[tuple[str, bytes]]:
    for path in sorted(CASES.iterdir()):
        yield path.name, path.read_bytes()


@pytest.mark.parametrize(("name", "data"), list(_cases()), ids=lambda value: value if isinstance(value, str) else "")
def test_what_was_found_before(name: str, data: bytes) -> None:
    target = next(target for target in TARGETS if target.name == name.partition("-")[0])
    assert try_input(target.run, data) is None


# That each kind of finding is found.


def _raises(data: bytes) -> None:
    raise KeyError(data)


def _never_ends(_: bytes) -> None:
    while True:
        pass


def _silent(_: bytes) -> None:
    raise RecordingError("")


@pytest.mark.parametrize(
    ("run", "kind"),
    [(_raises, "an error that is none of ours"), (_never_ends, "no end"), (_silent, "an error without a message")],
)
def test_what_is_wrong_is_seen(run: object, kind: str) -> None:
    assert callable(run)
    found = try_input(run, b"x", 0.2)
    assert found is not None
    assert found.kind == kind


def test_a_growth_that_is_not_linear_is_seen() -> None:
    def quadratic(data: bytes) -> int:
        return sum(sum(data[:place]) for place in range(len(data)))

    found = try_growth(quadratic, lambda times: b"x" * times, 4000)
    assert found is not None
    assert found.kind == "not linear"
    assert try_growth(lambda data: sum(data * 100), lambda times: b"x" * times, 10_000) is None
    assert MOST_S > 1


def test_the_same_seed_makes_the_same_inputs() -> None:
    from random import Random

    made = [[Mutator([b"<a/>"], [b"b"], Random(1), 100).mutant() for _ in range(20)] for _ in range(2)]
    assert made[0] == made[1]
