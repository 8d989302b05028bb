"""What is where on a NATS server: the streams, their subjects and their bounds.

    $KV.fleet.hosts.HOST     a host's record: stream KV_fleet, the key-value bucket "fleet", one message per subject
    $KV.fleet.leases.HOST    a lease of a host's
    builds.NAME.HOST         a build or variant of this name, as this host has put it: stream FLEET_BUILDS
    beats.HOST               a heartbeat: kept nowhere

A dot in a host's name would be a subject of its own; it is written as ``=``, which no host's name has.

Neither stream lets anybody delete, purge or roll up.  A *rollup* would be the worst of these: one message with the
header ``Nats-Rollup: all`` takes away those of all hosts, and who may publish one subject may send it.
"""

from __future__ import annotations

from prober.fleet.blobs import MOST_KEPT
from prober.fleet.records import HOST_NAME
from prober.fleet.store.protocol import MOST_VALUE

#: The bucket of records and leases, its stream, and the stream of builds.
BUCKET, RECORDS, BUILDS = "fleet", "KV_fleet", "FLEET_BUILDS"

#: What headers of ours add to a message.
_HEADERS = 256

#: How much each stream may take where nobody says otherwise (bytes): a record has some 250, a build 20 to 80 KB.
ROOM = {RECORDS: 1 << 30, BUILDS: 2 << 30}


def token(name: str) -> str:
    """A host's name as a part of a subject."""
    return name.replace(".", "=")


def name_from(part: str) -> str | None:
    """The host that a part of a subject names; None where it names none."""
    name = part.replace("=", ".")
    return name if HOST_NAME.fullmatch(name) else None


def subject_of(kind: str, name: str) -> str:
    """The subject of a key."""
    return f"$KV.{BUCKET}.{kind}.{token(name)}"


def key_from(subject: str) -> str | None:
    """The key of a subject; None where it has none."""
    parts = subject.split(".")
    if len(parts) != 4 or parts[:2] != ["$KV", BUCKET] or (name := name_from(parts[3])) is None:
        return None
    return f"{parts[2]}.{name}"


def stream_config(stream: str, replicas: int, most_bytes: int) -> dict[str, object]:
    """The configuration of one of both streams, as JetStream's API takes it (times in nanoseconds)."""
    common: dict[str, object] = {
        "name": stream,
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "max_bytes": most_bytes,
        "discard": "new",
        "max_msgs_per_subject": 1,
        "max_consumers": 256,
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
        "allow_direct": True,
        "duplicate_window": 1_000_000_000,
    }
    if stream == RECORDS:
        return {**common, "subjects": [f"$KV.{BUCKET}.>"], "max_msg_size": MOST_VALUE + _HEADERS}
    return {
        **common,
        "subjects": ["builds.*.*"],
        "max_msg_size": MOST_KEPT + _HEADERS,
        "discard_new_per_subject": True,
    }
