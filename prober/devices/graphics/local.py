"""``<graphics>`` that no client connects to: ``-display`` (libvirt 11.3, ``qemuBuildGraphicsCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from prober.commandline import options
from prober.commandline.options import Need, Plain, Prepared, Property, Value
from prober.commandline.refusal import Broken, Origin
from prober.devices.audio import Audio
from prober.devices.audio.audible import DefaultAudio
from prober.devices.graphics.base import Graphics
from prober.devices.graphics.gpu import render_node
from prober.domain.shared.environment import variable
from prober.host.directories import short_name
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, Line, PositiveCount, YesNo


class LocalDisplay(Graphics):
    """A display of ``-display``."""

    def display_option(self, name: str, pairs: Iterable[Property]) -> options.Qapi:
        """``-display``, which takes what ``query-display-options`` gives."""
        pairs = list(pairs)
        value: dict[str, Value] = {"type": name, **{item.name: item.value for item in pairs}}
        places: dict[str, Origin] = {"type": self.place("type"), **{item.name: item.place for item in pairs}}
        return options.Qapi("-display", "query-display-options", "type", value, self.place(), places)

    def gl_properties(self) -> Iterator[Property]:
        """OpenGL, where it is spoken of; QEMU knows more kinds of it than on and off."""
        gl: bool | None = getattr(self, "gl", None)
        if gl is not None:
            yield Property("gl", "on" if gl else "off", self.place("gl"))


class Sdl(LocalDisplay):
    """A window on the host's own screen."""

    tag = ""
    needs_audio = False

    type: Annotated[Literal["sdl"], At("@type"), Becomes("`-display sdl`")] = "sdl"
    display: Annotated[Line | None, At("@display"), Becomes("the variable `DISPLAY`, as a resource")] = None
    xauth: Annotated[AbsolutePath | None, At("@xauth"), Becomes("the variable `XAUTHORITY`, as a resource")] = None
    fullscreen: Annotated[YesNo, At("@fullscreen"), Becomes("`-full-screen`")] = False
    gl: Annotated[YesNo | None, At("gl/@enable", required=True), Becomes("`gl`")] = None

    def default_audio(self, target: Target) -> DefaultAudio:
        """Who sits before the screen is to hear it too."""
        return "host"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-display sdl``."""
        if self.fullscreen:
            yield Plain("-full-screen", None, self.place("fullscreen"))
        variables = {"DISPLAY": self.display, "XAUTHORITY": self.xauth}
        needs = [variable(name, value) for name, value in variables.items() if value is not None]
        yield self.display_option(Prepared("sdl", *needs), self.gl_properties())


class EglHeadless(LocalDisplay):
    """No window at all: the host's GPU draws for VNC or SPICE."""

    tag = ""
    needs_audio = False

    type: Annotated[Literal["egl-headless"], At("@type"), Becomes("`-display egl-headless`")] = "egl-headless"
    rendernode: Annotated[AbsolutePath | None, At("gl/@rendernode"), Becomes("`rendernode`")] = None
    gl: Annotated[YesNo | None, At("gl/@enable"), Neutral("it draws with OpenGL in any case")] = None

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-display egl-headless``."""
        node = render_node(self.rendernode, "egl-headless", target)
        yield self.display_option("egl-headless", [Property("rendernode", node, self.place("rendernode"))])


class Dbus(LocalDisplay):
    """The screen on D-Bus, for programs that show it."""

    tag = ""
    needs_audio = False

    type: Annotated[Literal["dbus"], At("@type"), Becomes("`-display dbus`")] = "dbus"
    bus_address: Annotated[Line | None, At("@address"), Becomes("`addr`")] = None
    p2p: Annotated[YesNo, At("@p2p"), Becomes("`p2p`")] = False
    gl: Annotated[YesNo | None, At("gl/@enable", required=True), Becomes("`gl`")] = None
    rendernode: Annotated[AbsolutePath | None, At("gl/@rendernode"), Becomes("`rendernode`")] = None
    audio: Annotated[PositiveCount | None, At("audio/@id", required=True), Becomes("`audiodev`")] = None

    #: The address of the domain's own bus, where none is given; and what else is to be done on it.
    own_address: str = ""
    more: tuple[Need, ...] = ()

    @property
    def audio_number(self) -> int | None:
        """As the XML says."""
        return self.audio

    def takes_audio(self, audio: Audio) -> Iterator[Broken]:
        """Sound on D-Bus is a backend of its own."""
        if self.audio is not None and audio.type != "dbus":
            yield Broken(
                "audio", f"<audio id='{audio.number}'> is of type {audio.type}, and a display on D-Bus needs dbus"
            )

    def rules(self) -> Iterator[Broken]:
        """One way to connect."""
        yield from super().rules()
        if self.p2p and self.bus_address is not None:
            yield Broken("bus_address", "p2p='yes' has no address: clients are handed over by the monitor")

    def settle(self, domain_name: str, target: Target) -> Self:
        """With the address of the domain's own bus (``qemuDBusGetAddress``)."""
        path = f"{target.settings.run_directory}/dbus/{short_name(domain_name)}-dbus.sock"
        return self.replace(own_address=f"unix:path={path}")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-display dbus``."""
        if self.p2p:
            pairs = [Property("p2p", True, self.place("p2p"))]
        else:
            address = self.bus_address or self.own_address
            need = Need("dbus", "dbus", f"a D-Bus daemon must be there at {address}")
            pairs = [Property("addr", Prepared(address, need, *self.more), self.place("bus_address"))]
        pairs += self.gl_properties()
        if self.gl or self.rendernode is not None:
            node = render_node(self.rendernode, "dbus", target)
            pairs.append(Property("rendernode", node, self.place("rendernode")))
        if self.audio is not None and self.audiodev is not None:
            pairs.append(Property("audiodev", self.audiodev, self.place("audio")))
        yield self.display_option("dbus", pairs)
