"""What a question is answered by in another thread does not change under it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prober.fleet.census import builds, hosts
from prober.fleet.known import Fleet, Where
from prober.fleet.names import name_of
from prober.fleet.records import HostBuild, HostRecord

HOSTS = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(HOSTS), st.integers(0, 2)),
        st.tuples(st.sampled_from(["drop", "hush", "hear", "snapshot"]), st.sampled_from(HOSTS), st.just(0)),
    ),
    max_size=20,
)


def record(name: str, number: int) -> HostRecord:
    one = HostBuild(name_of(b"%d" % number), name_of(b"v"), "/usr/bin/qemu-system-x86_64")
    return HostRecord(name=name, labels={"rack": str(number)}, builds=(one,) * min(number, 1))


def told(fleet: Fleet) -> tuple[object, ...]:
    """All that can be asked of it without a build."""
    some = [hosts(fleet, Where((("rack", str(number)),))) for number in range(3)]
    return dict(fleet.silent), hosts(fleet), builds(fleet), *some


@given(STEPS)
def test_a_snapshot_stays_as_it_was(steps: list[tuple[str, str, int]]) -> None:
    fleet, alone = Fleet(as_of=1), Fleet(as_of=1)
    taken: list[tuple[Fleet, tuple[object, ...]]] = []
    for step, host, number in steps:
        if step == "snapshot":
            snapshot = fleet.snapshot(1)
            taken.append((snapshot, told(snapshot)))
            continue
        for one in (fleet, alone):
            if step == "put":
                one.put_host(record(host, number))
            elif step == "drop":
                one.drop_host(host)
            elif step == "hear":
                one.hear(host)
            elif host in one.hosts:
                one.hush(host, 5)
    # It is as one of which none was ever taken, and each is as it was.
    assert told(fleet) == told(alone)
    assert [told(snapshot) for snapshot, _ in taken] == [before for _, before in taken]
