"""Who is silent: by the reader's own clock, and only while anybody could be heard."""

from __future__ import annotations

import pytest

from prober.fleet.known import Fleet
from prober.fleet.pulses import Pulses
from prober.fleet.records import HostRecord
from tests.cost import processor_time


def told(*hosts: str) -> tuple[Fleet, Pulses]:
    """A fleet of these, who were all heard at 0."""
    fleet = Fleet()
    pulses = Pulses(fleet, 90)
    for host in hosts:
        fleet.put_host(HostRecord(name=host))
        assert not pulses.note(host, 0)
    return fleet, pulses


def test_who_is_not_heard_is_silent_and_speaks_again() -> None:
    fleet, pulses = told("a", "b")
    pulses.note("a", 30)
    assert pulses.sweep(89.9, 1000) == []
    assert pulses.sweep(100, 1000) == ["b"]
    assert fleet.silent == {"b": 900}
    assert pulses.sweep(101, 1001) == []
    assert pulses.note("b", 110)
    assert fleet.silent == {}
    assert pulses.sweep(120, 1020) == ["a"]
    assert pulses.sweep(200, 1100) == ["b"]
    assert fleet.silent == {"a": 930, "b": 1010}


def test_who_has_no_record_is_nobody() -> None:
    fleet, pulses = told("a")
    assert not pulses.note("zeta", 1)
    fleet.drop_host("a")
    pulses.forget("a")
    assert pulses.sweep(1000, 1000) == []
    assert not pulses.note("a", 1001)
    assert (fleet.silent, pulses.sweep(2000, 2000)) == ({}, [])


def test_a_silent_host_that_goes_is_not_silent() -> None:
    fleet, pulses = told("a")
    pulses.sweep(100, 100)
    fleet.drop_host("a")
    pulses.forget("a")
    assert fleet.silent == {}
    fleet.put_host(HostRecord(name="a"))
    assert not pulses.note("a", 200)
    assert pulses.sweep(280, 280) == []


def test_time_without_the_store_counts_for_nothing() -> None:
    fleet, pulses = told("a", "b")
    pulses.pause(60)
    pulses.pause(70)
    assert pulses.sweep(1000, 1000) == []
    pulses.go_on(1060)
    pulses.go_on(1061)
    assert pulses.sweep(1089, 1089) == []
    pulses.note("a", 1089)
    assert pulses.sweep(1090, 1090) == ["b"]
    assert fleet.silent == {"b": 1000}


def test_many_turn_silent_in_slices() -> None:
    fleet, pulses = told(*map(str, range(25)))
    assert [len(pulses.sweep(90, 90, 10)) for _ in range(4)] == [10, 10, 5, 0]
    assert len(fleet.silent) == 25


@pytest.mark.parametrize("size", [20_000])
def test_a_beat_costs_next_to_nothing(size: int) -> None:
    """3,333 a second are the beats of 100,000 hosts: 5 µs each would be a sixtieth of a processor."""
    fleet, pulses = told(*(f"host-{number}" for number in range(size)))
    with processor_time() as cost:
        for number in range(size):
            pulses.note(f"host-{number}", 10)
            if number % 1000 == 0:
                assert pulses.sweep(11, 11) == []
    assert cost.seconds / size < 20e-6
    assert fleet.silent == {}
