"""What JetStream will not do, as our errors.

The numbers are those of its API (``server/errors.json`` in nats-server).
"""

from __future__ import annotations

from prober.errors import StoreConflictError, StoreError

_ROOM = "have its keeper raise the limit of the stream (docs/fleet-store.md), or make room on the server's disk"
_LEADER = "a cluster elects a leader within seconds; see whether most of its servers run"
_MADE = "have its keeper make it (docs/fleet-store.md)"

_REFUSALS = {
    10023: ("the store is full: the server has no room", _ROOM),
    10047: ("the store is full: the server has no room", _ROOM),
    10077: ("the store is full", _ROOM),
    10028: ("the store is full: the server has no room", _ROOM),
    10008: ("the store is not there at the moment", _LEADER),
    10009: ("the store is not there at the moment", _LEADER),
    10074: ("the store is not there at the moment: too few servers", _LEADER),
    10005: ("the store is not there at the moment: too few servers", _LEADER),
    10039: ("this server keeps no store for this user's account", _MADE),
    10076: ("this server keeps no store", "its configuration needs jetstream {} (packaging/nats)"),
    10059: ("there is no store of a fleet on this server", _MADE),
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
