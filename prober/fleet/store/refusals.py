"""What JetStream will not do, as our errors.

The numbers are those of its API (``server/errors.json`` in nats-server).
"""

from __future__ import annotations

from prober.errors import StoreConflictError, StoreError

_ROOM = "have its keeper raise the bound of the stream (`prober fleet init`), or make room on the server's disk"
_DISK = "both streams' bounds together have to fit into the server's max_file_store and its disk (packaging/nats)"
_LEADER = "a cluster elects a leader within seconds; see whether most of its servers run"
_MADE = "`prober fleet init` makes it, with its keeper's key (docs/fleet-store.md)"

#: The number of "there is no such stream".
NO_STREAM = 10059

_REFUSALS = {
    10023: ("the store is full: the server has no room", _DISK),
    10047: ("the store is full: the server has no room", _DISK),
    10077: ("the store is full", _ROOM),
    10028: ("the store is full: the server has no room", _ROOM),
    10008: ("the store is not there at the moment", _LEADER),
    10009: ("the store is not there at the moment", _LEADER),
    10074: ("the store is not there at the moment: too few servers", _LEADER),
    10005: ("the store is not there at the moment: too few servers", _LEADER),
    10039: ("this server keeps no store for this user's account", _MADE),
    10076: ("this server keeps no store", "its configuration needs jetstream {} (packaging/nats)"),
    NO_STREAM: ("there is no store of a fleet on this server", _MADE),
    10054: ("the store takes nothing as large", ""),
}

#: A key is at another revision than the one named.
_CONFLICTS = (10071, 10164)


def refusal(told: object) -> StoreError:
    """The error that an answer of JetStream's is."""
    fields = told if isinstance(told, dict) else {}
    number, text = fields.get("err_code"), str(fields.get("description", "no reason"))[:200]
    if number in _CONFLICTS:
        return StoreConflictError(f"somebody else wrote there meanwhile: {text}")
    message, hint = "the store will not have it", ""
    if isinstance(number, int):
        message, hint = _REFUSALS.get(number, (message, hint))
    return StoreError(f"{message} ({text})", hint=hint)
