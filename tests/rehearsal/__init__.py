"""Guests that are moved and devices that are plugged in, as they are tried beforehand; with what QEMU makes of it."""
