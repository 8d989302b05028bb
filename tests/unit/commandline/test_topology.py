"""What ``-smp`` comes to, as QEMU counts it."""

from __future__ import annotations

import pytest

from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line, split_shell
from prober.commandline.topology import Ids, NoTopology, SmpTopology, topology_of
from tests.unit.commandline.rules.test_table import CAPS


def topology(text: str, version: str = "10.0.13") -> SmpTopology | NoTopology | None:
    return topology_of(Line.of(parse_command_line(["qemu", *split_shell(text)]).options, CAPS[version]))


@pytest.mark.parametrize(
    ("text", "version", "cpus", "most", "shape"),
    [
        ("-M q35", "10.0.13", 1, 1, (1, 1, 1, 1)),
        ("-M q35 -smp 4", "10.0.13", 4, 4, (1, 1, 4, 1)),
        ("-M q35 -smp 4", "5.2.0", 4, 4, (4, 1, 1, 1)),
        ("-M pc-q35-6.1 -smp 4", "7.2.22", 4, 4, (4, 1, 1, 1)),
        ("-M q35 -smp 2,maxcpus=8,sockets=2", "10.0.13", 2, 8, (2, 1, 4, 1)),
        ("-M q35 -smp 8,dies=2,threads=2", "10.0.13", 8, 8, (1, 2, 2, 2)),
        ("-M q35 -smp sockets=2,cores=3", "10.0.13", 6, 6, (2, 1, 3, 1)),
        ("-M q35,smp.cpus=3", "10.0.13", 3, 3, (1, 1, 3, 1)),
    ],
)
def test_what_is_left_out_is_calculated(
    text: str, version: str, cpus: int, most: int, shape: tuple[int, int, int, int]
) -> None:
    found = topology(text, version)
    assert isinstance(found, SmpTopology)
    assert (found.cpus, found.maxcpus) == (cpus, most)
    assert tuple(found.levels[name] for name in ("sockets", "dies", "cores", "threads")) == shape


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("-M q35 -smp 4,maxcpus=2", "maxcpus", "maxcpus is 2, less than 4 CPUs"),
        ("-M q35 -smp 4,sockets=3,cores=1,threads=1", "cpus", "sockets 3 * cores 1 * threads 1 is 3"),
        ("-M q35 -smp 4,cores=0", "cores", "cores is 1 or more, not 0"),
        ("-M q35 -smp 4,clusters=2", "clusters", "has no clusters"),
        ("-M microvm -smp 4,dies=2", "dies", "has no dies"),
    ],
)
def test_what_comes_to_nothing_is_told(text: str, part: str, message: str) -> None:
    found = topology(text)
    assert isinstance(found, NoTopology)
    assert found.part == part
    assert message in found.message


@pytest.mark.parametrize("text", ["-M q35 -smp x", "-M q35 -smp 4 -readconfig /f", f"-M q35 -smp {'9' * 50}"])
def test_what_is_not_known_is_not_told(text: str) -> None:
    assert topology(text) is None


def test_an_apic_id_has_bits_for_each_level() -> None:
    """Three cores of two threads need two bits and one (``include/hw/i386/topology.h``)."""
    found = topology("-M q35 -smp 12,sockets=2,cores=3,threads=2")
    assert isinstance(found, SmpTopology)
    assert found.ids(5) == Ids(0, 0, 0, 2, 1)
    assert [found.apic_id(index) for index in range(12)] == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]
