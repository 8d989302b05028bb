"""Asks QEMU binaries what they can do, and turns libvirt domain XML into command lines they accept."""

__version__ = "0.2.0"
