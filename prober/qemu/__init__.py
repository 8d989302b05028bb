"""One QEMU process: start it, talk QMP to it, record what it says, and always reap it.

Nothing is imported here: a service whose answers are all in its cache needs recordings and no QMP.
"""
