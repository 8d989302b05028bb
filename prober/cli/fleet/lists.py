"""``prober fleet hosts`` and ``builds``: the inventory."""

from __future__ import annotations

import time

from prober.cli import output
from prober.cli.fleet.asking import FleetAsked, as_of, in_pages
from prober.cli.fleet.options import LISTEN_S, After, Credentials, Limit, Listen, Reader, Store, WhereOption
from prober.cli.options import Json
from prober.fleet.census import BuildsAnswer, HostEntry, HostsAnswer, builds, hosts
from prober.fleet.known import Where
from prober.fleet.moments import local_time
from prober.service.fleet.routes import BUILDS, HOSTS


def fleet_hosts_command(
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    limit: Limit = 100,
    after: After = "",
    json: Json = False,
) -> None:
    """A host that is silent is told with since when.

    Example: `prober fleet hosts --where rack=7`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    answer = asked.ask(
        HOSTS,
        HostsAnswer,
        lambda fleet, _: hosts(fleet, chosen, most=limit, after=after),
        {"where": where, "limit": limit, "after": after},
    )
    if json:
        output.write_json(answer.model_dump(mode="json"))
        return
    rows = [row for entry in answer.entries for row in _rows(entry)]
    output.write_table(("HOST", "QEMU", "PATH", "BUILD", "LABELS", "TOLD"), rows)
    output.write(f"{answer.hosts} hosts, {answer.silent} silent, {as_of(answer.as_of)}")
    in_pages(answer.next, "hosts")


def _rows(entry: HostEntry) -> list[tuple[object, ...]]:
    labels = ",".join(f"{key}={value}" for key, value in entry.labels.items())
    told = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.time))
    if entry.silent_since is not None:
        told = f"silent since {local_time(entry.silent_since)}"
    if not entry.qemus:
        return [(entry.name, "none", "", "", labels, told)]
    return [(entry.name, one.version or "?", one.path, one.build, labels, told) for one in entry.qemus]


def fleet_builds_command(
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    json: Json = False,
) -> None:
    """The one that most hosts have comes first.

    Example: `prober fleet builds`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    answer = asked.ask(BUILDS, BuildsAnswer, lambda fleet, _: builds(fleet, chosen), {"where": where})
    if json:
        output.write_json(answer.model_dump(mode="json"))
        return
    rows = [
        (one.version or "?", one.target or "?", one.hosts, one.silent, one.variants, one.build, " ".join(one.paths))
        for one in answer.builds
    ]
    output.write_table(("QEMU", "TARGET", "HOSTS", "SILENT", "VARIANTS", "BUILD", "PATHS"), rows)
    output.write(as_of(answer.as_of))
