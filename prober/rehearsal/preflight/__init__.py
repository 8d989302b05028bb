"""What the host itself has to give a domain, looked at before it starts: all that proving has stand-ins for.

``wanted`` has what a domain asks of its host, ``table`` which look is for which of it, ``view`` is the host as one
value, ``seen_as`` looks as the user that will run QEMU.  Nothing is changed, made or started, but helpers that are
asked for their version.
"""
