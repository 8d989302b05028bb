"""What an agent counts, in Prometheus' text."""

from __future__ import annotations

from prober.fleet.agent.status import AgentStatus

#: Each metric: its name, kind and meaning.
_METRICS = (
    ("last_alive_seconds", "gauge", "When the agent last said how it is (seconds since 1970)"),
    ("store_up", "gauge", "Whether the store took what it was last given"),
    ("service_up", "gauge", "Whether the service of the host last answered"),
    ("name_held", "gauge", "Whether the host's name is its own; 0 where another host reports under it"),
    ("record_sequence", "gauge", "The number of the host's record in the store; 0 where none is known"),
    ("records_written_total", "counter", "Records written to the store"),
    ("blobs_given_total", "counter", "Builds and variants given to the store"),
    ("beats_total", "counter", "Heartbeats sent"),
    ("failures_total", "counter", "What did not go well and was tried again"),
)


def as_metrics(status: AgentStatus) -> str:
    """The metrics, each with what it means; ends with a line break."""
    values = (
        f"{status.at:.3f}",
        int(status.store.is_well is True),
        int(status.service.is_well is True),
        int(status.lease == "held"),
        status.sequence or 0,
        status.pushes,
        status.uploads,
        status.beats,
        status.failures,
    )
    lines = []
    for (name, kind, meaning), value in zip(_METRICS, values, strict=True):
        lines += [f"# HELP prober_agent_{name} {meaning}.", f"# TYPE prober_agent_{name} {kind}"]
        lines.append(f"prober_agent_{name} {value}")
    return "\n".join(lines) + "\n"
