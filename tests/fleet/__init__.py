"""Servers of NATS to test with, as packaging/nats has them."""
