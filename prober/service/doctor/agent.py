"""The agent of a fleet, where this host has one: what it says of itself in its status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from prober.errors import FleetError
from prober.fleet.agent.place import DEFAULT_STATUS
from prober.fleet.agent.status import AgentStatus, read_status
from prober.fleet.moments import local_time
from prober.service.doctor.observed import Observation, observe

_found = partial(observe, "agent")

_WHY = "the fleet goes by what this host told last, and takes it for silent after a while"
_LOG = "journalctl -u prober-agent says more; systemctl restart prober-agent"


def look_at_agent(path: Path = DEFAULT_STATUS) -> list[Observation]:
    """What is seen of it; nothing where there is none, as a host need not have one.  Blocks."""
    try:
        status = read_status(path)
    except FleetError as error:
        return [_found("problem", error.message, path, "how the agent is, is not known", _LOG)]
    if status is None:
        return []
    if status.is_old(time.time()):
        said = f"the agent says nothing since {local_time(status.at)}"
        return [_found("problem", said, path, _WHY, _LOG)]
    return [*_of_sides(status), *_of_name(status), *_of_record(status)]


def _of_sides(status: AgentStatus) -> Iterator[Observation]:
    for name, side in (("store", status.store), ("service", status.service)):
        if side.is_well is False:
            said = f"the agent cannot reach the {name} since {local_time(side.since)}, and tries again: {side.said}"
            yield _found("problem", said, "", _WHY, side.hint or _LOG)


def _of_name(status: AgentStatus) -> Iterator[Observation]:
    if status.lease == "other":
        todo = "give one of the two another name: PROBER_FLEET_NAME in /etc/prober/agent.env, and a key for it"
        said = f"another host reports under the name {status.name}; this one writes nothing meanwhile"
        yield _found("problem", said, "", "nothing of this host is known to the fleet", todo)
    if status.machine:
        todo = f"give it a key for {status.machine}, or set PROBER_FLEET_NAME; then systemctl restart prober-agent"
        said = f"this machine is called {status.machine}, and is reported as {status.name}"
        yield _found("notice", said, "", "the fleet knows it by a name that it has no more", todo)


def _of_record(status: AgentStatus) -> Iterator[Observation]:
    if status.error:
        yield _found("problem", f"the agent cannot report this host: {status.error}", "", _WHY, _LOG)
    elif status.sequence is not None:
        yield _found("ok", f"reported as {status.name}: {status.qemus} QEMUs, record {status.sequence}")
