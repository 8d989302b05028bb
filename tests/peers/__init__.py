"""libvirt itself, of other versions and each beside its own QEMU, asked for the command line of the same domains."""
