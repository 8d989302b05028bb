"""The NUMA nodes that the guest sees, filled in and as options."""
