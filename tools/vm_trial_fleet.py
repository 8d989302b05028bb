"""What is tried of a fleet's units and commands, inside of the virtual machine of ``tools/vm_test.py``.

The store is a NATS server in the machine, with the configuration that was installed and users made by the commands.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from prober.fleet.agent.status import AgentStatus, read_status
from tools.vm_inside import run, show, step, wait_until

AGENT, NATS = "prober-agent.service", "nats-server.service"
_STORE = "nats://127.0.0.1:4222"
_SETTINGS, _SERVER = Path("/etc/prober"), Path("/etc/nats")
_STATUS = Path("/run/prober-agent/status.json")
_FEATURES = Path("/etc/kubernetes/node-feature-discovery/features.d")

_NATS_UNIT = f"""[Service]
ExecStart=/usr/lib/prober-trial/nats-server -c {_SERVER}/nats-server.conf
"""


def agent_says() -> AgentStatus:
    """How the agent is, by its status; of one that has not said anything yet nothing is known."""
    return read_status(_STATUS) or AgentStatus(name="", pid=0)


@step
def agent_waits_for_its_store() -> str:
    """Its unit starts without a store, asks the service, and tells that the store is away."""
    shutil.copytree("/usr/share/doc/qemu-prober/nats", _SERVER)
    (_SERVER / "listen.conf").write_text('listen: "127.0.0.1:4222"\nserver_name: one\n')
    host = os.uname().nodename
    keys = [run("prober", "fleet", "key", host, "--server", str(_SERVER), "-o", str(_SETTINGS / "fleet.key"))]
    for name, role in (("admin", "--keeper"), ("reader", "--reader")):
        keys.append(
            run("prober", "fleet", "key", name, role, "--server", str(_SERVER), "-o", str(_SETTINGS / f"{name}.key"))
        )
    assert all(key.startswith("U") for key in keys), keys
    (_SETTINGS / "agent.env").write_text(f"PROBER_FLEET_STORE={_STORE}\n")
    run("systemctl", "start", AGENT)
    wait_until(lambda: agent_says().service.is_well is True, 120, "the service has answered")
    wait_until(lambda: agent_says().store.is_well is False, 60, "the store is away")
    assert show(AGENT, "ActiveState") == "active"
    # A user of its own for as long as it runs (systemd.exec(5), DynamicUser=): no name of it need be known.
    assert 61184 <= Path(f"/proc/{show(AGENT, 'MainPID')}").stat().st_uid <= 65519
    told = json.loads(subprocess.run(["prober", "doctor", "--json"], capture_output=True, check=False).stdout)
    found = [one for report in told["reports"] for one in report["findings"] if one["topic"] == "agent"]
    assert [one["level"] for one in found] == ["problem"] and "cannot reach the store" in found[0]["what"], found
    return str(found[0]["what"])


@step
def reports_to_its_store() -> str:
    """The store is started and made; the agent gives what its service knows, and says so."""
    Path(f"/run/systemd/system/{NATS}").write_text(_NATS_UNIT)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", NATS)
    made = run("prober", "fleet", "init", "--store", _STORE, "--credentials", str(_SETTINGS / "admin.key"))
    assert made.count("made") == 2, made
    wait_until(lambda: agent_says().qemus == 1, 300, f"a record with the QEMU: {agent_says()}")
    found = agent_says()
    assert (found.lease, found.qemus, found.store.is_well) == ("held", 1, True), found
    return f"record {found.sequence}, {found.uploads} uploads, {show(AGENT, 'MemoryCurrent')} bytes of memory"


@step
def is_heard_by_who_reads() -> str:
    """Who has a reader's key is told of the host and of its heartbeats; the host's own key tells nobody."""

    def fleet(user: str) -> subprocess.CompletedProcess[str]:
        words = [
            "prober",
            "fleet",
            "builds",
            "--json",
            "--store",
            _STORE,
            "--credentials",
            str(_SETTINGS / f"{user}.key"),
        ]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    refused = fleet("fleet")
    assert (refused.returncode, "may not" in refused.stderr) == (5, True), refused.stderr
    done = fleet("reader")
    (build,) = json.loads(done.stdout)["builds"]
    version = ".".join(str(build["version"][name]) for name in ("major", "minor", "micro"))
    assert (version, build["hosts"], build["silent"]) == (installed_version(), 1, 0), (build, done.stderr)
    run("systemctl", "stop", AGENT, NATS)
    assert not _STATUS.exists()
    # What an operator wrote is nothing that prober's package takes away.
    for path in (*_SETTINGS.glob("*.key"), _SETTINGS / "agent.env"):
        path.unlink()
    return f"QEMU {version}; with the host's key: {refused.stderr[:80]}"


def installed_version() -> str:
    """That of the QEMU in this machine."""
    return run("qemu-system-x86_64", "--version").split()[3]


@step
def labels_are_written() -> str:
    """Its unit writes a file for node-feature-discovery, once that has its directory."""
    run("systemctl", "start", "prober-labels.service")
    assert show("prober-labels.service", "ConditionResult") == "no"
    _FEATURES.mkdir(parents=True)
    over = Path("/run/systemd/system/prober-labels.service.d/trial.conf")
    over.parent.mkdir(parents=True)
    over.write_text("[Service]\nTimeoutStartSec=300\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "prober-labels.timer", "prober-labels.service")
    (file,) = _FEATURES.iterdir()
    lines = file.read_text().splitlines()
    assert file.stat().st_mode & 0o777 == 0o644
    assert any(line.startswith("prober.dev/qemu-version=") for line in lines), lines
    run("systemctl", "stop", "prober-labels.timer")
    return f"{len(lines)} labels"
