"""The ``prober`` command.

``main`` declares the commands and maps errors to exit codes; each command's work is in a module of its own, imported
when it is called, as a start of ``prober supports`` may take no longer than 150 ms.  ``source`` is where an answer
comes from: the service, a binary or a recording.  ``output`` is the only module that writes to the terminal.
"""
