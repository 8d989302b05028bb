"""Where a fleet's records, builds and leases are kept: five verbs, over one SQLite file or NATS JetStream."""
