"""The metrics, a row each.  All that knows them reads these rows: the counting, ``/metrics``, and docs/operating.md.

Names follow Prometheus' conventions: the unit, of base units, is at the end, and a counter's samples are called
``…_total``.  Each label has a short list of values: the rows of the routes, the kinds of errors, the parts of a
fingerprint, the ids of the catalog; never what a client sent, nor the path of a file.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

#: Bounds (seconds) of what is quick: an answer to ``supports`` takes a tenth of a millisecond, a translation three.
QUICK = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0)
#: Bounds (seconds) of an interview: half a second on a quiet machine, and twenty where it hangs.
SLOW = (0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 60.0)
#: Bounds (seconds) of how late the event loop is.
LATE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Family(NamedTuple):
    """One metric: its name (a counter's without ``_total``), what it tells, the names of its labels, and the upper
    bounds of a histogram's buckets."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """The name that is asked for: a counter's with ``_total``."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


BUILD = Family("prober_build_info", "gauge", "Always 1; the label is prober's version.", ("version",))
REQUESTS = Family(
    "prober_requests",
    "counter",
    "Requests that were answered, by the row of their route and the status. Route `none` is a path that there is not, "
    "`unread` a request that was let go before its route was known.",
    ("method", "route", "status"),
)
REQUEST_SECONDS = Family(
    "prober_request_seconds",
    "histogram",
    "Seconds from when a request was there, its body included, until its answer was ready, by route.",
    ("method", "route"),
    QUICK,
)
REFUSALS = Family(
    "prober_refusals",
    "counter",
    "What was not done for a client, by the kind of the error, which is also the `type` of the answer: `refused` is a "
    "domain that this QEMU cannot run as it is asked for. `connections` are clients beyond `max_connections`; `head`, "
    "`slow` and `http` are requests whose head was too large, that did not come to an end, and that are no HTTP.",
    ("kind",),
)
CONNECTIONS = Family("prober_connections", "gauge", "Connections that are open now, by listener.", ("listener",))
CONNECTIONS_MADE = Family("prober_connections_made", "counter", "Connections that were made.", ("listener",))
CONNECTIONS_MOST = Family(
    "prober_connections_limit", "gauge", "How many connections may be open at once.", ("listener",)
)
BINARIES = Family("prober_binaries", "gauge", "Binaries and recordings in the catalog, by their state.", ("state",))
QEMU = Family(
    "prober_qemu_info",
    "gauge",
    "Always 1, for each binary and recording that has an answer: its id, QEMU's version and target.",
    ("binary", "version", "target"),
)
QEMU_KVM = Family(
    "prober_qemu_kvm", "gauge", "1 where the answer was made with KVM, 0 where it was made without.", ("binary",)
)
QEMU_ASKED = Family(
    "prober_qemu_asked_timestamp_seconds",
    "gauge",
    "When the interview began that the answer is from, or a recording was read (seconds since 1970).",
    ("binary",),
)
INTERVIEWS = Family(
    "prober_interview_seconds",
    "histogram",
    "Seconds that interviews of QEMU binaries took, by outcome: `answered`, `cancelled`, `fault` (a mistake in "
    "prober), or the kind of the error.",
    ("outcome",),
    SLOW,
)
USED = Family("prober_answers_used", "counter", "How often an answer that was in memory, and held, was used.")
CACHE = Family(
    "prober_cache_reads",
    "counter",
    "How often the cache on disk was looked into: `hit`, `stale` (it no longer held), `absent` (nothing that can be "
    "used).",
    ("outcome",),
)
STALE = Family(
    "prober_stale_answers",
    "counter",
    "Answers that were seen to be out of date, by the part of the fingerprint that differed first, and who saw it: "
    "`use` someone who asked, `watch` the watcher, `start` the reading of the cache.",
    ("part", "found_by"),
)
LISTENERS = Family("prober_event_listeners", "gauge", "Clients that listen for changes now, in either way.")
LAG = Family(
    "prober_event_loop_lag_seconds",
    "histogram",
    "Seconds by which a timer of the event loop was late, four times a second. A busy machine shows here too.",
    (),
    LATE,
)
WORKERS = Family("prober_workers", "gauge", "Processes that translate and check, as many as there may be.")
WORKERS_BUSY = Family("prober_workers_busy", "gauge", "How many of them are at a question now.")
WORKERS_WAITING = Family("prober_worker_questions_waiting", "gauge", "Questions that wait for one of them now.")
WORKERS_ANSWERED = Family(
    "prober_worker_questions", "counter", "Questions that one of them answered, by what was asked.", ("what",)
)
WORKERS_REFUSED = Family(
    "prober_worker_questions_refused", "counter", "Questions that were refused, as too many waited already."
)
WORKERS_REPLACED = Family(
    "prober_workers_replaced",
    "counter",
    "Workers that were ended and replaced: `deadline` took too long, `memory` took too much, `killed` died by itself, "
    "`share` was at a question of one who had more than his share while another waited.",
    ("reason",),
)
LOG_LOST = Family(
    "prober_log_lines_lost", "counter", "Log lines that were not written, as there were too many or nobody took them."
)

#: In the order of the text.
FAMILIES = (
    BUILD,
    REQUESTS,
    REQUEST_SECONDS,
    REFUSALS,
    CONNECTIONS,
    CONNECTIONS_MADE,
    CONNECTIONS_MOST,
    BINARIES,
    QEMU,
    QEMU_KVM,
    QEMU_ASKED,
    INTERVIEWS,
    USED,
    CACHE,
    STALE,
    LISTENERS,
    LAG,
    WORKERS,
    WORKERS_BUSY,
    WORKERS_WAITING,
    WORKERS_ANSWERED,
    WORKERS_REFUSED,
    WORKERS_REPLACED,
    LOG_LOST,
)

#: Those of prometheus-client's own that are told besides, of the service's process.  They are not called ``process_…``,
#: as is usual: node-exporter has those names for itself, leaves out what a file brings once more, and logs an error.
OF_PROCESS_NAMESPACE = "prober"
OF_PROCESS = (
    Family("prober_process_virtual_memory_bytes", "gauge", "The address space of the service's own process."),
    Family("prober_process_resident_memory_bytes", "gauge", "Its resident memory."),
    Family("prober_process_start_time_seconds", "gauge", "When it was started (seconds since 1970)."),
    Family("prober_process_cpu_seconds", "counter", "Processor time that it took."),
    Family("prober_process_open_fds", "gauge", "Descriptors that it has open."),
    Family("prober_process_max_fds", "gauge", "How many it may have open."),
)
