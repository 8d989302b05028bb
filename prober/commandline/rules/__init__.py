"""What QEMU asks for when it makes a thing, and no answer of QEMU's tells: one rule each, with its place in the source.

A rule sees the whole command line.  It says something only where what is written proves it, for every version from 5.2
to 11.1 that has the option; what a ``-global``, a file or the host may change is left alone.
"""
