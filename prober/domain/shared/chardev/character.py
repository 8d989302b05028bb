"""The elements that are character devices, or have one: what they read, and what it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, TypeAlias

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Place
from prober.domain.shared.chardev.backend import Backend, Ends
from prober.domain.shared.chardev.files import Dev, File, Null, Pipe, Pty, Stdio, Vc
from prober.domain.shared.chardev.opened import add_descriptor, file_to_write, set_path
from prober.domain.shared.chardev.screens import DBus, QemuVdagent, SpicePort, SpiceVmc
from prober.domain.shared.chardev.sockets import Tcp, Udp, Unix
from prober.domain.shared.chardev.source import CharacterSource
from prober.domain.shared.device import Device
from prober.domain.shared.twins import given_twice
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked
from prober.xml.values import AbsolutePath, OnOff

CharacterType: TypeAlias = Literal[
    "null", "vc", "pty", "dev", "file", "pipe", "stdio", "udp", "tcp", "unix", "spicevmc", "spiceport", "dbus",
    "qemu-vdagent",
]  # fmt: skip

#: Every type; ``nmdm`` of libvirt's is FreeBSD's, and QEMU has no such thing.
BACKENDS: Mapping[str, Backend] = MappingProxyType(
    {
        "null": Null(),
        "vc": Vc(),
        "pty": Pty(),
        "dev": Dev(),
        "file": File(),
        "pipe": Pipe(),
        "stdio": Stdio(),
        "udp": Udp(),
        "tcp": Tcp(),
        "unix": Unix(),
        "spicevmc": SpiceVmc(),
        "spiceport": SpicePort(),
        "dbus": DBus(),
        "qemu-vdagent": QemuVdagent(),
    }
)

#: The other end of what leads nowhere in particular.
_NO_SOURCE = CharacterSource()

#: Fields of a source as the XML has them, where that is not an attribute of the same name.
_WORDS = {"reconnect": "<reconnect>", "clipboard": "<clipboard>", "mouse": "<mouse>"}


class Character(Checked):
    """An element with a ``type`` that says where its other end is."""

    #: What a SPICE channel of this element is for (``spicevmc``), or empty where it cannot be one.
    spice_use: ClassVar[str] = ""
    #: What a channel of D-Bus is called that says no name, or empty where it has to say one.
    default_channel: ClassVar[str] = ""
    #: Whether a unix socket may go without a path, as one is made up.
    invents_path: ClassVar[bool] = False

    type: Annotated[CharacterType, At("@type"), Becomes("the backend of `-chardev`")] = "pty"
    sources: Annotated[tuple[CharacterSource, ...], At("source"), Becomes("keys of `-chardev`")] = ()
    protocol: Annotated[
        Literal["raw", "telnet", "telnets", "tls"] | None, At("protocol/@type"), Becomes("`telnet`")
    ] = None
    log_file: Annotated[AbsolutePath | None, At("log/@file"), Becomes("`logfile`")] = None
    log_append: Annotated[OnOff | None, At("log/@append"), Becomes("`logappend`, and how it is opened")] = None

    def rules(self) -> Iterator[Broken]:
        """What belongs to which type."""
        yield from super().rules()
        backend = self.backend
        if self.sources:
            yield from self._source_rules(backend)
        yield from self._end_rules()
        if self.protocol not in (None, "raw") and not backend.takes_protocol:
            yield Broken("protocol", f"only type='tcp' has a protocol other than raw, not '{self.type}'")
        if self.protocol in ("telnets", "tls"):
            yield Broken("protocol", f"QEMU has no protocol '{self.protocol}'; TLS is <source tls='yes'>")
        if self.log_append is not None and self.log_file is None:
            yield Broken("log_append", "<log append> needs a file")

    def _source_rules(self, backend: Backend) -> Iterator[Broken]:
        """How many there may be, and what each may say."""
        if len(self.sources) > backend.sources:
            most = {1: "one <source>", 2: "two <source>"}[backend.sources]
            yield Broken("sources", f"type='{self.type}' has {most}, not {len(self.sources)}")
        for name in sorted({name for source in self.sources for name in source.said()} - backend.takes):
            yield Broken("sources", f"{_WORDS.get(name, name)} of <source> does not belong to type='{self.type}'")
        for sentence in dict.fromkeys(sentence for source in self.sources for sentence in backend.rules(source)):
            yield Broken("sources", sentence)
        for source in self.sources:
            for model in given_twice(label.model for label in source.seclabels if label.model is not None):
                yield Broken("sources", f"two labels of <source> are for model {model}")

    def _end_rules(self) -> Iterator[Broken]:
        """What is missing, and ends that are one too many."""
        if self.type == "spicevmc" and not self.spice_use:
            yield Broken("type", "type='spicevmc' is for virtio channels, smartcards and USB redirection")
        if len(self.sources) == 2 and self.source_of("connect") is self.source_of("bind"):
            yield Broken("sources", "two <source> are one with mode='connect' and one with mode='bind'")
        needs = self.backend.needs
        if not needs:
            return
        source = self.source_of("connect") if self.type == "udp" else self.source
        for name in needs:
            if getattr(source, name) is None and not self._invents(name):
                yield Broken("sources", f"type='{self.type}' needs <source {name}=…>")

    def _invents(self, name: str) -> bool:
        """Whether what is missing here is made up."""
        if self.type == "unix":
            return self.invents_path and name == "path"
        return self.type == "dbus" and bool(self.default_channel) and name == "channel"

    @property
    def backend(self) -> Backend:
        """What its type is in QEMU."""
        return BACKENDS[self.type]

    @property
    def source(self) -> CharacterSource:
        """Its ``<source>``, or an empty one."""
        return self.sources[0] if self.sources else _NO_SOURCE

    def source_of(self, mode: str) -> CharacterSource:
        """The ``<source>`` with this mode, or an empty one; without a mode it connects."""
        found = (source for source in self.sources if (source.mode or "connect") == mode)
        return next(found, _NO_SOURCE)

    def emit_chardev(self, owner: str, target: Target, place: Place | None = None) -> Iterator[options.Option]:
        """``-chardev``, and what has to stand before it; ``owner`` is the alias of the device that has it.

        Its ``id`` is the owner's, with ``char`` before it.
        """
        udp = self.type == "udp"
        ends = Ends(
            owner=owner,
            source=self._far_end(),
            second=self.source_of("bind") if udp else None,
            protocol=self.protocol or "raw",
            use=self.spice_use,
            place=self.place() if place is None else place,
        )
        yield from self.backend.before(ends, target)
        log = list(self._log_pairs(owner, target))
        if log and target.settings.pass_descriptors:
            yield self._log_descriptor(owner, target)
        pairs = [Property("id", ends.id, ends.place), *self.backend.pairs(ends, target), *log]
        yield options.Keyval("-chardev", self.backend.word(ends), tuple(pairs), self.place("type"))

    def _far_end(self) -> CharacterSource:
        """Where it leads, the name of a channel filled in."""
        if self.type == "udp":
            return self.source_of("connect")
        if self.type == "dbus" and self.source.channel is None:
            return self.source.replace(channel=self.default_channel)
        return self.source

    def _log_descriptor(self, owner: str, target: Target) -> options.Option:
        assert self.log_file is not None
        need = file_to_write("log", owner, self.log_file, append=bool(self.log_append), target=target)
        return add_descriptor(f"{owner}-log", need, self.place("log_file"))

    def _log_pairs(self, owner: str, target: Target) -> Iterator[Property]:
        """What the guest writes is kept in a file as well."""
        if self.log_file is None:
            return
        if target.settings.pass_descriptors:
            yield Property("logfile", set_path(f"{owner}-log"), self.place("log_file"))
            yield Property("logappend", True, self.place("log_append"))
            return
        yield Property("logfile", self.log_file, self.place("log_file"))
        if self.log_append is not None:
            yield Property("logappend", self.log_append, self.place("log_append"))


class CharacterDevice(Character, Device):
    """A device that is a character device to its guest."""

    def emit_source(self, target: Target) -> Iterator[options.Option]:
        """``-chardev``, and what has to stand before it."""
        return self.emit_chardev(self.id, target)

    def chardev_property(self) -> Property:
        """The ``chardev`` of its device."""
        return Property("chardev", f"char{self.id}", self.place())
