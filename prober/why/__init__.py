"""What a sentence of QEMU's, libvirt's or prober's means: known ones, kept as data, found in any text."""
