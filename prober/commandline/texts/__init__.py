"""Texts inside of an option that QEMU reads further, each by a pure function that says what it reads, or why not."""
