"""``<graphics type='spice'>`` (libvirt 11.3, ``qemuBuildGraphicsSPICECommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from prober.commandline import options
from prober.commandline.options import Keyval, Need, Plain, Prepared, Property
from prober.commandline.refusal import Broken
from prober.devices.audio.audible import DefaultAudio
from prober.devices.graphics.base import AutoPort, Endpoint, Keymap, RemoteDisplay
from prober.devices.graphics.gpu import render_node
from prober.devices.graphics.vnc import sasl_needs
from prober.domain.shared.tls import TlsService
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import AbsolutePath, OnOff, YesNo

ChannelMode = Literal["any", "secure", "insecure"]

#: The channels, in the order of the argv.
_CHANNELS = ("main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir")

#: What libvirt's suite has for ports that are chosen; its daemon gives the first free ones from 5900 on.
_PORT, _TLS_PORT = 5901, 5902

_TLS = TlsService("spice", verifies=False)

#: How a channel's mode is written.
_KEYS = {"secure": "tls-channel", "insecure": "plaintext-channel"}


class SpiceChannel(Element):
    """``<channel>``: whether one kind of traffic is encrypted."""

    name: Annotated[
        Literal["main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"],
        At("@name"),
        Becomes("the value of `tls-channel` or `plaintext-channel`"),
    ]
    mode: Annotated[ChannelMode, At("@mode"), Becomes("`tls-channel` or `plaintext-channel`; `any` is neither")]


class Spice(RemoteDisplay):
    """SPICE, with sound, USB and a clipboard."""

    tag = ""
    service = "spice"
    needs_audio = False

    type: Annotated[Literal["spice"], At("@type"), Becomes("`-spice`")] = "spice"
    tls_port: Annotated[AutoPort | None, At("@tlsPort"), Becomes("`tls-port`")] = None
    default_mode: Annotated[
        ChannelMode, At("@defaultMode"), Becomes("`tls-channel=default` or `plaintext-channel=default`")
    ] = "any"
    keymap: Annotated[Keymap | None, At("@keymap"), Becomes("`-k`")] = None
    connected: Annotated[
        Literal["keep", "disconnect", "fail"] | None, At("@connected"), Becomes("the password's resource")
    ] = None
    channels: Annotated[tuple[SpiceChannel, ...], At("channel"), Becomes("`tls-channel`, `plaintext-channel`")] = ()
    image: Annotated[
        Literal["auto_glz", "auto_lz", "quic", "glz", "lz", "off"] | None,
        At("image/@compression", required=True),
        Becomes("`image-compression`"),
    ] = None
    jpeg: Annotated[
        Literal["auto", "never", "always"] | None,
        At("jpeg/@compression", required=True),
        Becomes("`jpeg-wan-compression`"),
    ] = None
    zlib: Annotated[
        Literal["auto", "never", "always"] | None,
        At("zlib/@compression", required=True),
        Becomes("`zlib-glz-wan-compression`"),
    ] = None
    playback: Annotated[OnOff | None, At("playback/@compression", required=True), Becomes("`playback-compression`")] = (
        None
    )
    streaming: Annotated[
        Literal["filter", "all", "off"] | None, At("streaming/@mode", required=True), Becomes("`streaming-video`")
    ] = None
    copypaste: Annotated[YesNo, At("clipboard/@copypaste", required=True), Becomes("`disable-copy-paste`")] = True
    filetransfer: Annotated[YesNo, At("filetransfer/@enable", required=True), Becomes("`disable-agent-file-xfer`")] = (
        True
    )
    mouse: Annotated[Literal["client", "server"] | None, At("mouse/@mode", required=True), Becomes("`agent-mouse`")] = (
        None
    )
    gl: Annotated[YesNo | None, At("gl/@enable", required=True), Becomes("`gl`")] = None
    rendernode: Annotated[AbsolutePath | None, At("gl/@rendernode"), Becomes("`rendernode`")] = None

    def default_audio(self, target: Target) -> DefaultAudio:
        """SPICE carries sound."""
        return "spice"

    def rules(self) -> Iterator[Broken]:
        """Each channel once, and a GPU only for OpenGL."""
        yield from super().rules()
        names = [channel.name for channel in self.channels]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            yield Broken("channels", f"the channel {name} is given twice")

    def settle(self, domain_name: str, target: Target) -> Self:
        """With ports, as they are needed (``qemuProcessSPICEAllocatePorts``)."""
        settled = super().settle(domain_name, target)
        where = settled.endpoint
        assert where is not None
        port, tls_port = self._ports(tls=target.settings.spice_tls)
        if not port and not tls_port:
            where = self._without_ports(where)
        if tls_port and where.kind == "address" and not target.settings.spice_tls:
            raise Broken(self._asking_for_tls, "an encrypted port is asked for, and spice_tls of qemu.conf is off")
        settled = settled.replace(endpoint=where, port=port, tls_port=tls_port)
        settled._require_connections()
        return settled

    def _ports(self, *, tls: bool) -> tuple[int, int]:
        """The port for plain text and the encrypted one, 0 where there is none; libvirt's first for one that is
        chosen."""
        if self.is_automatic:
            plain, secure = self._wanted(tls=tls)
            return _PORT if plain else 0, _TLS_PORT if secure else 0
        port, tls_port = self.port or 0, self.tls_port or 0
        return _PORT if port == -1 else port, _TLS_PORT if tls_port == -1 else tls_port

    def _without_ports(self, where: Endpoint) -> Endpoint:
        """No port at all is libvirt's old way to say that nothing is listened on.  The address of a network needs one,
        and a socket none."""
        if self.place_to_listen.type == "address":
            return Endpoint("none", "", where.place)
        if where.kind == "address":
            raise Broken("port", "there is no port to listen on", "give a port, or autoport='yes'")
        return where

    @property
    def _asking_for_tls(self) -> str:
        """The field that asks for an encrypted port."""
        if self.tls_port:
            return "tls_port"
        return "default_mode" if self.default_mode != "any" else "channels"

    @property
    def is_automatic(self) -> bool:
        """Whether both ports are chosen."""
        return bool(self.autoport) or (self.port == -1 and self.tls_port == -1)

    def _wanted(self, *, tls: bool) -> tuple[bool, bool]:
        """Which ports automatic ones are: for plain text, and encrypted."""
        modes = {self.default_mode, *(channel.mode for channel in self.channels if channel.mode != "any")}
        return bool(modes & {"any", "insecure"}), "secure" in modes or (tls and "any" in modes)

    def _has(self) -> tuple[bool, bool]:
        """Whether there is a connection in plain text, and an encrypted one."""
        assert self.endpoint is not None
        if self.endpoint.kind == "address":
            return bool(self.port), bool(self.tls_port)
        return True, False

    def _require_connections(self) -> None:
        """Each channel has a connection of the kind that it must have.

        :raise Broken: for the first that has none.
        """
        plain, secure = self._has()
        modes = [("default_mode", "the default", self.default_mode)]
        modes += [("channels", f"the channel {channel.name}", channel.mode) for channel in self.channels]
        for field, what, mode in modes:
            if mode == "secure" and not secure:
                raise Broken(field, f"{what} is to be encrypted, and there is no encrypted port")
            if mode == "insecure" and not plain:
                raise Broken(field, f"{what} is to be in plain text, and there is no port for that")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-spice``, and its keymap."""
        pairs = (*self._where(), *self._access(target), *self._compression(), *self._drawing(target))
        # The password is no part of the command line; what is to be done about it hangs on what is always there.
        needs = self.password_needs(target.settings.spice_password)
        seamless = Property("seamless-migration", Prepared("on", *needs) if needs else True, self.place())
        yield Keyval("-spice", "", (*pairs, seamless), self.place())
        if self.keymap is not None:
            yield Plain("-k", self.keymap, self.place("keymap"))

    def _where(self) -> Iterator[Property]:
        where = self.endpoint
        assert where is not None
        if where.kind == "socket":
            yield Property("unix", True, where.place)
            yield Property("addr", self.socket_path(), where.place)
        elif where.kind == "none":
            yield Property("port", 0, where.place)
        else:
            for name, field, port in (("port", "port", self.port), ("tls-port", "tls_port", self.tls_port)):
                if port:
                    yield Property(name, port, self.place(field))
            yield Property("addr", self._address(where), where.place)

    def _address(self, where: Endpoint) -> str:
        chosen = [str(port) for port in (self.port, self.tls_port) if port] if self.is_automatic else []
        if not chosen:
            return where.text
        todo = (
            f"of {where.text}, port {' and '.join(chosen)} must be free; libvirt takes the first free ones from 5900 on"
        )
        return Prepared(where.text, Need("port", "spice", todo))

    def _access(self, target: Target) -> Iterator[Property]:
        """Who may connect, and how."""
        settings = target.settings
        if settings.spice_sasl:
            yield Property("sasl", Prepared("on", *sasl_needs(settings.spice_sasl_dir)), self.place())
        if self.mouse is not None:
            yield Property("agent-mouse", self.mouse == "client", self.place("mouse"))
        if self.passwd is None and settings.spice_password is None:
            yield Property("disable-ticketing", True, self.place())
        secure = self._has()[1]
        if secure:
            directory = _TLS.directory(target)
            need = Need("tls", "spice", f"{directory} holds ca-cert.pem, server-cert.pem and server-key.pem")
            yield Property("x509-dir", Prepared(directory, need), self.place("tls_port"))
        if self.default_mode != "any":
            yield Property(_KEYS[self.default_mode], "default", self.place("default_mode"))
        modes = {channel.name: channel for channel in self.channels if channel.mode != "any"}
        for name in _CHANNELS:
            if name in modes:
                yield Property(_KEYS[modes[name].mode], name, modes[name].place("mode"))

    def _compression(self) -> Iterator[Property]:
        for name, field in (
            ("image-compression", "image"),
            ("jpeg-wan-compression", "jpeg"),
            ("zlib-glz-wan-compression", "zlib"),
            ("playback-compression", "playback"),
            ("streaming-video", "streaming"),
        ):
            value = getattr(self, field)
            if value is not None:
                yield Property(name, value, self.place(field))
        if not self.copypaste:
            yield Property("disable-copy-paste", True, self.place("copypaste"))
        if not self.filetransfer:
            yield Property("disable-agent-file-xfer", True, self.place("filetransfer"))

    def _drawing(self, target: Target) -> Iterator[Property]:
        if self.gl:
            yield Property("gl", True, self.place("gl"))
            if self.rendernode is not None or target.caps.has("-spice.rendernode"):
                yield Property("rendernode", render_node(self.rendernode, "spice", target), self.place("rendernode"))
