"""A page beside a running service: a server for one user, on this host's loopback alone, that asks the service."""
