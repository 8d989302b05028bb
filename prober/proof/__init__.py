"""QEMU itself as judge of a command line: stand-ins for what only a host has, verdict, and what is read back."""
