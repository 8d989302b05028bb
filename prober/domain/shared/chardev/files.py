"""Character devices that are files of the host, and those that need nothing said: pty, null and the like."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline import options
from prober.commandline.options import Property
from prober.domain.shared.chardev.backend import Backend, Ends
from prober.domain.shared.chardev.opened import add_descriptor, file_to_write, set_path
from prober.host.target import Target


class Null(Backend):
    """Nowhere."""

    qemu = "null"


class Vc(Backend):
    """A text console in QEMU's own window."""

    qemu = "vc"


class Stdio(Backend):
    """The terminal that QEMU was started from."""

    qemu = "stdio"


class Pty(Backend):
    """A pseudo-terminal, which QEMU chooses; ``path`` is what it chose once, in the XML of a running domain."""

    qemu = "pty"
    takes = frozenset({"path"})


class File(Backend):
    """A file, which only what the guest writes goes to.  libvirt opens it, and so it is always appended to."""

    qemu = "file"
    takes = frozenset({"path", "append"})
    needs = ("path",)

    def before(self, ends: Ends, target: Target) -> Iterator[options.Option]:
        """The descriptor."""
        if target.settings.pass_descriptors:
            source = ends.source
            need = file_to_write("file", ends.owner, source.path or "", append=bool(source.append), target=target)
            yield add_descriptor(f"{ends.owner}-source", need, ends.at("path"))

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """Where it is."""
        source = ends.source
        if target.settings.pass_descriptors:
            yield Property("path", set_path(f"{ends.owner}-source"), ends.at("path"))
            yield Property("append", True, ends.at("append"))
            return
        yield Property("path", source.path or "", ends.at("path"))
        if source.append is not None:
            yield Property("append", source.append, ends.at("append"))


class Pipe(Backend):
    """A named pipe, or two whose names end in ``.in`` and ``.out``."""

    qemu = "pipe"
    takes = frozenset({"path"})
    needs = ("path",)

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """Where it is."""
        yield Property("path", ends.source.path or "", ends.at("path"))


class Dev(Pipe):
    """A serial or parallel port of the host."""

    def word(self, ends: Ends) -> str:
        """By the name of its owner, as in libvirt (``qemuChardevGetBackendProps``)."""
        return "parallel" if ends.id.startswith("charparallel") else "serial"
