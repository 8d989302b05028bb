"""Files that libvirt opens for QEMU, which gets them as descriptors in a set."""

from __future__ import annotations

from prober.commandline import options
from prober.commandline.options import FdSet, Need, Passed, Property
from prober.commandline.refusal import Place
from prober.host.target import Target


def add_descriptor(name: str, need: Need, place: Place) -> options.Keyval:
    """``-add-fd`` with a descriptor in a set of its own; ``/dev/fdset`` and its number open it."""
    pairs = (
        Property("set", FdSet(name), place),
        Property("fd", Passed(need), place),
        Property("opaque", name, place),
    )
    return options.Keyval("-add-fd", "", pairs, place)


def set_path(name: str) -> FdSet:
    """The path that QEMU opens to get the descriptor of this set."""
    return FdSet(name, prefix="/dev/fdset/")


def file_to_write(kind: str, owner: str, path: str, *, append: bool, target: Target) -> Need:
    """What has to be opened for a file that QEMU writes to (libvirt, ``qemuProcessPrepareHostBackendChardev``)."""
    how = "for appending" if append else "for writing, emptied first"
    who = "have virtlogd open" if target.settings.stdio_handler == "logd" else "open"
    return Need(kind, owner, f"{who} {path} {how}, and pass the descriptor", path)
