"""What may stand at the end of a command line that somebody is typing; asked by the shells' own scripts.

``packaging/completion`` has the scripts.  They set ``_PROBER_COMPLETE`` and call ``prober`` with what is typed.
"""
