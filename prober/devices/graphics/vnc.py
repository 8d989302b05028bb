"""``<graphics type='vnc'>`` (libvirt 11.3, ``qemuBuildGraphicsVNCCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Keyval, Need, Plain, Prepared, Property
from prober.commandline.refusal import Broken
from prober.devices.audio.audible import DefaultAudio
from prober.devices.graphics.base import AutoPort, Endpoint, Keymap, RemoteDisplay
from prober.domain.shared.environment import variable
from prober.domain.shared.secret import emit_secret, secret_id
from prober.domain.shared.tls import TlsService
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import AbsolutePath, PositiveCount, YesNo

#: Display 0 of VNC; libvirt gives the first free port from here on, and 5700 for websockets.
_FIRST, _FIRST_WEBSOCKET = 5900, 5700

_TLS_ID = "vnc-tls-creds0"
_TLS = TlsService("vnc", verifies=False)


class Vnc(RemoteDisplay):
    """VNC, which every viewer speaks."""

    tag = ""
    service = "vnc"

    type: Annotated[Literal["vnc"], At("@type"), Becomes("`-vnc`")] = "vnc"
    socket: Annotated[AbsolutePath | None, At("@socket"), Becomes("the socket, as of `<listen type='socket'>`")] = None
    websocket: Annotated[AutoPort | None, At("@websocket"), Becomes("`websocket`; for -1, libvirt's first")] = None
    share_policy: Annotated[
        Literal["allow-exclusive", "force-shared", "ignore"] | None, At("@sharePolicy"), Becomes("`share`")
    ] = None
    power_control: Annotated[YesNo | None, At("@powerControl"), Becomes("`power-control`")] = None
    keymap: Annotated[Keymap | None, At("@keymap"), Becomes("`-k`")] = None
    connected: Annotated[Literal["keep"] | None, At("@connected"), Becomes("the password's resource")] = None
    audio: Annotated[PositiveCount | None, At("audio/@id", required=True), Becomes("`audiodev`")] = None

    @property
    def audio_number(self) -> int | None:
        """As the XML says."""
        return self.audio

    def default_audio(self, target: Target) -> DefaultAudio:
        """VNC itself carries sound; the host's is for those who allow it."""
        return "host" if target.settings.vnc_allow_host_audio else "none"

    @property
    def is_automatic(self) -> bool:
        """Whether the port is chosen: an explicit autoport has the last word."""
        return self.autoport if self.autoport is not None else self.port in (None, -1)

    def rules(self) -> Iterator[Broken]:
        """What QEMU cannot do."""
        yield from super().rules()
        if self.passwd is not None and len(self.passwd.encode()) > 8:
            yield Broken("passwd", "a VNC password has at most 8 letters")
        first = self.listens[0] if self.listens else None
        own = first.socket if first is not None and first.type == "socket" else None
        if own and self.socket and own != self.socket:
            yield Broken("socket", f"socket='{self.socket}' contradicts <listen socket='{own}'>")
        listens = self.socket is None and (first is None or first.type in ("address", "network"))
        if listens and not self.is_automatic and (self.port or 0) < _FIRST:
            yield Broken("port", f"a VNC port is {_FIRST} to 65535, or autoport='yes'")

    def _endpoint(self, domain_name: str, target: Target) -> Endpoint:
        """The old attribute ``socket`` stands for an address; sockets of libvirt's own are made anew."""
        found = super()._endpoint(domain_name, target)
        first = self.place_to_listen
        given = first.socket if first.type == "socket" else None
        if self.socket is not None and first.type != "none":
            given = given or self.socket
            found = Endpoint("socket", given, self.place("socket"))
        if given is not None and given.startswith(target.settings.state_directory):
            # libvirt's of long ago wrote its own sockets into the XML (11.3, ``qemuDomainRecheckInternalPaths``).
            unsaid = self.replace(listens=(), listen=None, socket=None)
            return super(Vnc, unsaid)._endpoint(domain_name, target)
        return found

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-vnc``, its credentials before it, and its keymap after."""
        if target.settings.vnc_tls:
            yield from self._credentials(target)
        key, first = self._where()
        pairs = [Property("vnc", first, self.place())] if key else []
        pairs += self._pairs(target)
        yield Keyval("-vnc", "" if key else first, tuple(pairs), self.place())
        if self.keymap is not None:
            yield Plain("-k", self.keymap, self.place("keymap"))

    def _where(self) -> tuple[str, str]:
        """The key, where it is written, and where clients are awaited."""
        where = self.endpoint
        assert where is not None
        if where.kind == "none":
            return "", "none"
        if where.kind == "socket":
            path = self.socket_path()
            return "vnc", Prepared(f"unix:{path}", *path.needs)
        port = _FIRST if self.is_automatic else self.port or 0
        text = f"{where.host}:{port - _FIRST}"
        if not self.is_automatic:
            return "", text
        todo = f"port {port} of {where.text} must be free; libvirt takes the first free one from {_FIRST} on"
        return "", Prepared(text, Need("port", "vnc", todo))

    def _pairs(self, target: Target) -> Iterator[Property]:
        settings = target.settings
        assert self.endpoint is not None
        if self.websocket and self.endpoint.kind == "address":
            yield Property("websocket", self._websocket_port(), self.place("websocket"))
        if self.share_policy is not None:
            yield Property("share", self.share_policy, self.place("share_policy"))
        needs = self.password_needs(settings.vnc_password)
        if needs:
            yield Property("password", Prepared("on", *needs), self.place("passwd"))
        if settings.vnc_tls:
            yield Property("tls-creds", _TLS_ID, self.place())
        if settings.vnc_sasl:
            yield Property("sasl", Prepared("on", *sasl_needs(settings.vnc_sasl_dir)), self.place())
        if self.power_control is not None:
            yield Property("power-control", self.power_control, self.place("power_control"))
        if self.audiodev is not None and (self.audio is not None or target.caps.has("-vnc.audiodev")):
            yield Property("audiodev", self.audiodev, self.place("audio"))

    def _websocket_port(self) -> int | str:
        if self.websocket != -1:
            return self.websocket or 0
        port = str(_FIRST_WEBSOCKET)
        todo = f"port {port} must be free; libvirt takes the first free one from {port} on"
        return Prepared(port, Need("port", "vnc-websocket", todo))

    def _credentials(self, target: Target) -> Iterator[options.Option]:
        """The certificates, and the secret that their key is encrypted with."""
        settings = target.settings
        place, directory = self.place(), _TLS.directory(target)
        secret = settings.vnc_tls_x509_secret_uuid or settings.default_tls_x509_secret_uuid
        if secret is not None:
            yield from emit_secret(secret_id(_TLS_ID), f"the secret {secret}", place)
        need = Need("tls", "vnc", f"{directory} holds ca-cert.pem, server-cert.pem and server-key.pem")
        properties = [
            Property("dir", Prepared(directory, need), place),
            Property("endpoint", "server", place),
            Property("verify-peer", _TLS.verifies_peer(target), place),
        ]
        if secret is not None:
            properties.append(Property("passwordid", secret_id(_TLS_ID), place))
        yield options.Object("tls-creds-x509", _TLS_ID, tuple(properties), place)


def sasl_needs(directory: str | None) -> tuple[Need, ...]:
    """Where SASL looks for its settings, if not at its usual place."""
    if directory is None:
        return ()
    return (variable("SASL_CONF_PATH", directory),)
