"""What is tried of the Debian package under systemd, inside of the virtual machine of ``tools/vm_test.py``."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tools.vm_inside import BINARY, PROVER, SERVICE, configure, get, prove, qemus, run, show, step, wait_until

_PACKAGE = "qemu-prober"
_FACT = f"{BINARY}/supports?fact=PIIX4_PM.acpi-root-pci-hotplug"
_SOCKETS = ("prober.socket", "prober-prover.socket")
_UNITS = Path("/usr/lib/systemd/system")


def active() -> set[str]:
    """Those of its units that are on."""
    names = {path.name for path in _UNITS.glob("prober*")} - {"prober-trial.service"}
    return {name for name in names if show(name, "ActiveState") == "active"}


@step
def is_upgraded_by_its_package() -> str:
    """As dpkg ends an upgrade: the sockets stand, what runs is started again, and what nobody asked for is not."""
    configure(120)  # So that the prover does not end meanwhile, as nobody asks it.
    assert get(_FACT)["verdict"] == "present"
    assert prove("-nodefaults")["verdict"] in ("proven", "in part")
    began, before = time.monotonic(), active()
    assert {SERVICE, PROVER, *_SOCKETS} <= before, before
    since = {unit: show(unit, "ActiveEnterTimestampMonotonic") for unit in _SOCKETS}
    pids = {unit: show(unit, "MainPID") for unit in (SERVICE, PROVER)}
    assert "0" not in pids.values(), pids
    script = f"/var/lib/dpkg/info/{_PACKAGE}.postinst"
    run("env", f"DPKG_MAINTSCRIPT_PACKAGE={_PACKAGE}", script, "configure", "0.0.1")
    took = time.monotonic() - began
    assert since == {unit: show(unit, "ActiveEnterTimestampMonotonic") for unit in _SOCKETS}
    assert get(_FACT)["verdict"] == "present"
    assert prove("-nodefaults")["verdict"] in ("proven", "in part")
    after = {unit: show(unit, "MainPID") for unit in pids}
    assert not {*after.values()} & {"0", *pids.values()}, (pids, after)
    assert active() == before
    return f"both services anew, the sockets as they were; the script took {took:.1f} s"


@step
def is_purged_while_it_runs() -> str:
    """The last step: it takes what the trial itself is made of."""
    run("dpkg", "-P", _PACKAGE)
    places = ("/run/prober", "/usr/lib/prober", "/var/cache/prober", "/etc/prober")
    assert [place for place in places if Path(place).exists()] == []
    wait_until(lambda: not qemus(), 60, "no QEMU")
    known = run("systemctl", "list-units", "--all", "--plain", "--no-legend", "prober*")
    assert not [line for line in known.splitlines() if " active " in line and "prober-trial" not in line], known
    found = subprocess.run(["getent", "passwd", "prober", "prober-prover"], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    return "no process, file or user is left"
