"""What happens to a guest after its start, tried beforehand: hot-plug, migration, upgrade, and the host's own part."""
