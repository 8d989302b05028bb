"""The ``prober`` command.

``commands`` has a row for each command, ``main`` finds the one that is called and maps errors to exit codes.  The
options and the work of a command are in a module of its own, imported when it is called, as a start of ``prober
supports`` may take no longer than 150 ms.  ``answerer`` is what is asked: the service (``remote``), or a binary or a
recording (``local``); ``choosing`` finds out which.  ``output`` is the only module that writes to the terminal.
"""
