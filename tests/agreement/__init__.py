"""Three verdicts on thousands of lines: the bare QEMU's, that of ``prove --anyway``, and that of ``check-argv``."""
