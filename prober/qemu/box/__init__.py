"""The confinement of a QEMU: what it sees of the host, what it may do, and what it may use up.

``find`` says which form is to be had here, ``opened`` makes a box for one binary, ``model`` is the box as a value.
"""
