"""What each family of machines is: one file a family, all of it data.

A new family is a file of this room, and its name in :data:`prober.commandline.machines.find.FAMILIES`.  What reads the
data stands where it belongs: the check of a command line, addresses, devices, hot-plug.
"""
