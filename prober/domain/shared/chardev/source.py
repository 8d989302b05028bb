"""``<source>`` of a character device: all that any type of it may say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from prober.commandline.refusal import Broken, Unfit
from prober.domain.shared.chardev.reconnect import Reconnect
from prober.xml.binding import At, Becomes, Checked, Element, Neutral, field_names
from prober.xml.values import AbsolutePath, Line, LineOrNothing, OnOff, YesNo

_CHANNEL = re.compile(r"[a-zA-Z0-9_.-]{1,255}")


def _channel(value: str) -> str:
    if not _CHANNEL.fullmatch(value):
        raise Unfit("is not a name of up to 255 letters, digits, dashes, dots and underscores")
    return value


def _short(value: str) -> str:
    if len(value) > 255:
        raise Unfit("is longer than 255 characters")
    return value


#: What SPICE or D-Bus call a channel (libvirt, ``virDomainChrSourceDefValidateChannelName``).
ChannelName: TypeAlias = Annotated[str, AfterValidator(_channel)]
#: The name or address of a host; the name or number of a port.
HostName: TypeAlias = Annotated[Line, AfterValidator(_short)]

_WHY_SECLABEL = "how the host labels the file or socket; no part of a command line"


class SourceSeclabel(Checked):
    """A security label of what is opened on the host, other than the domain's own."""

    model: Annotated[Line | None, At("@model"), Neutral(_WHY_SECLABEL)] = None
    type: Annotated[Line | None, At("@type"), Neutral("labels of a domain have a type; libvirt reads none here")] = None
    relabel: Annotated[YesNo | None, At("@relabel"), Neutral(_WHY_SECLABEL)] = None
    labelskip: Annotated[YesNo | None, At("@labelskip"), Neutral(_WHY_SECLABEL)] = None
    label: Annotated[LineOrNothing, At("label"), Neutral(_WHY_SECLABEL)] = None

    def rules(self) -> Iterator[Broken]:
        """A label only where something is labelled (libvirt 11.3, ``virSecurityDeviceLabelDefsParseXML``)."""
        if self.label is not None and self.relabel is False:
            yield Broken("label", "relabel='no' labels nothing, and has no <label>")
        if self.label is None and self.relabel:
            yield Broken("relabel", "relabel='yes' needs the <label> that is to be given")

    def remarks(self) -> Iterator[Broken]:
        """What belongs to the domain's own labels."""
        if self.type is not None:
            yield Broken("type", "a label beneath a source has no type, and libvirt reads none")


class CharacterSource(Element):
    """One end of a character device on the host.  Which of these belong together is for its type to say."""

    path: Annotated[AbsolutePath | None, At("@path"), Becomes("`path`, or a descriptor that libvirt opens")] = None
    append: Annotated[OnOff | None, At("@append"), Becomes("how the file is opened")] = None
    mode: Annotated[Literal["bind", "connect"] | None, At("@mode"), Becomes("`server`, or `localaddr` of udp")] = None
    host: Annotated[HostName | None, At("@host"), Becomes("`host`, or `localaddr` of udp")] = None
    service: Annotated[HostName | None, At("@service"), Becomes("`port`, or `localport` of udp")] = None
    tls: Annotated[YesNo | None, At("@tls"), Becomes("`tls-creds` and an object `tls-creds-x509`")] = None
    channel: Annotated[ChannelName | None, At("@channel"), Becomes("`name` of spiceport and dbus")] = None
    reconnect: Annotated[Reconnect | None, At("reconnect"), Becomes("`reconnect-ms` or `reconnect`")] = None
    clipboard: Annotated[
        YesNo | None, At("clipboard/@copypaste", required=True), Becomes("`clipboard` of qemu-vdagent")
    ] = None
    mouse: Annotated[
        Literal["client", "server"] | None, At("mouse/@mode", required=True), Becomes("`mouse` of qemu-vdagent")
    ] = None
    seclabels: Annotated[tuple[SourceSeclabel, ...], At("seclabel"), Neutral(_WHY_SECLABEL)] = ()

    def said(self) -> set[str]:
        """The attributes and elements that it has, by their fields; labels left out."""
        return {name for name in field_names(type(self)) if name not in _NO_MEANING and getattr(self, name) is not None}


_NO_MEANING = frozenset({"places", "seclabels"})
