"""passt, and what it is told."""

from __future__ import annotations

import shlex

from prober.devices.interface.passt import PortForward, PortRange
from tests.unit.devices.interface.making import run, todos, values


def test_passt_is_started_with_all_that_it_serves() -> None:
    inner = (
        "<backend type='passt' logFile='/log'/><source dev='eth0'/><mtu size='1400'/>"
        "<ip address='10.0.0.2' prefix='24'/><ip address='fec0::2'/>"
        "<portForward proto='tcp' address='192.0.2.1' dev='eth1'><range start='80' end='90' to='8080'/>"
        "<range start='85' exclude='yes'/></portForward><portForward proto='udp'/>"
    )
    translation = run(f"<interface type='user'>{inner}</interface>", run_directory="/run/q")
    (netdev,) = values(translation, "-netdev")
    assert netdev["addr"] == {"type": "unix", "path": "/run/q/passt/-1-g-net0.socket"}
    words = shlex.split(todos(translation, "passt")[0].partition("socket: ")[2])
    assert words == [
        "passt", "--one-off", "--socket", "/run/q/passt/-1-g-net0.socket", "--pid", "/run/q/passt/-1-g-net0-passt.pid",
        "--mtu", "1400", "--interface", "eth0", "--log-file", "/log", "--address", "10.0.0.2", "--netmask", "24",
        "--address", "fec0::2", "--tcp-ports", "192.0.2.1%eth1/80-90:8080-8090,~85", "--udp-ports", "all",
    ]  # fmt: skip


def test_ports_and_addresses_are_written_as_passt_reads_them() -> None:
    assert str(PortRange(start=22)) == "22"
    assert str(PortRange(start=22, to=2222)) == "22:2222"
    assert PortForward(proto="tcp", address="::1").arguments() == ["--tcp-ports", "::1/all"]
