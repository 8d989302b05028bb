"""libvirt's own domains moved between real QEMUs: what becomes of each is what the table says (tests/rehearsal)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from prober.proof.subject import LineSubject
from tests.conftest import BINARY_IN_ROOT, QemuPlace, aio
from tests.integration.real_qemu import capabilities_of
from tests.recordings import LIBVIRT
from tests.rehearsal.suite import lines_of, move, outcome_of, read_table, suite_domains

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]

TABLE = read_table()

#: As many domains are moved where not all are (`make integration`): some twenty seconds.
SAMPLE = 24

#: As many are moved in one test.
PART = 30


def parts() -> Iterator[Any]:
    """The domains of each row of the table, in parts; the first is a sample of all."""
    for pair, told in TABLE.items():
        names = [*told]
        roots = [] if set(pair.split()) == {"7.2"} else [pytest.mark.roots]
        sample = names[:: max(1, len(names) // SAMPLE)]
        yield pytest.param(pair, sample, id=f"{pair} sample", marks=roots)
        rest = [name for name in names if name not in sample]
        for number in range(0, len(rest), PART):
            part = rest[number : number + PART]
            yield pytest.param(pair, part, id=f"{pair} from {part[0]}", marks=[*roots, pytest.mark.long])


def subjects_of(pair: str, request: pytest.FixtureRequest) -> tuple[LineSubject, LineSubject]:
    """Both QEMUs; 7.2 is the installed one."""
    found = []
    for version in pair.split()[:2]:
        if version == "7.2":
            place = QemuPlace("installed", request.getfixturevalue("qemu_binary"))
        else:
            place = QemuPlace(version, BINARY_IN_ROOT, request.getfixturevalue("qemu_roots")[version])
        found.append(LineSubject(place.binary, capabilities_of(place), place.root))
    return found[0], found[1]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("pair", "names"), [*parts()])
def test_it_becomes_of_each_what_the_table_says(pair: str, names: list[str], request: pytest.FixtureRequest) -> None:
    subjects = subjects_of(pair, request)
    asked = {name: lines_of(LIBVIRT / "pairs" / f"{name}.xml", *subjects) for name in names}
    driven = pair.endswith("driven")
    moved = aio(move([replace(one, driven=driven) for one in asked.values() if one is not None], 1), debug=False)
    told = {name: outcome_of(one) for name, one in zip((n for n, one in asked.items() if one), moved, strict=True)}
    assert told == {name: TABLE[pair][name] for name in names}


@pytest.mark.long
@pytest.mark.parametrize(
    "pair", [pytest.param(p, marks=[] if set(p.split()) == {"7.2"} else pytest.mark.roots) for p in TABLE]
)
def test_each_domain_that_both_can_have_is_in_the_table(pair: str, request: pytest.FixtureRequest) -> None:
    subjects = subjects_of(pair, request)
    assert {path.stem for path in suite_domains() if lines_of(path, *subjects) is not None} == TABLE[pair].keys()


def test_most_of_them_go_over() -> None:
    """Of those that stay as they are, and of those that go to the next QEMU."""
    for pair, told in TABLE.items():
        taken = [name for name, outcome in told.items() if outcome.startswith("rehearsed")]
        if pair.partition(" ")[2] != "11.1" and "driven" not in pair:
            assert len(taken) > 0.95 * len(told), pair
