"""Rehearsals without a QEMU."""
