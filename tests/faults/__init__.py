"""Faults that a host has in store, each ending with right answers again and nothing lost (``make faults``)."""
