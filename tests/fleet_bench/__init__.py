"""A large fleet, measured against its bars: ``make bench-fleet``.

A real NATS server with the configuration and the rights of ``packaging/nats``, hosts that are simulated (all of them on
one connection), and a real reader in a process of its own, which is asked on its socket.
"""
