"""What is known of a QEMU in the forms of others: libvirt's domain capabilities, and Kubernetes' labels. Pure.

Each form has a table of rows: a name of theirs, and the facts of QEMU's that it stands on.  What is unknown is never
told as supported.
"""
