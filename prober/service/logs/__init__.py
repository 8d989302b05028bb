"""What the service says of itself: one line each, with fields.

Under systemd the lines go to the journal by its own protocol, where each field can be asked for (``journalctl
PROBER_EVENT=stale``); on a terminal, or in a file, the fields stand behind the sentence as ``name=value``.  Whoever
logs says ``log.info("…", extra={"fields": {"event": …}})``; the id of the request that it is about comes by itself.
"""
