"""``<graphics type='rdp'>``: a program of its own, which shows a display on D-Bus (libvirt 11.3, ``qemu_rdp.c``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need
from prober.commandline.refusal import Broken
from prober.devices.graphics.base import RemoteDisplay
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import Line, YesNo

_PORT = 3389


class Rdp(RemoteDisplay):
    """QEMU knows nothing of RDP: qemu-rdp is started beside it."""

    tag = ""
    service = "rdp"
    needs_audio = False

    type: Annotated[Literal["rdp"], At("@type"), Becomes("qemu-rdp, as a resource of the D-Bus display")] = "rdp"
    username: Annotated[Line | None, At("@username"), Becomes("the resource")] = None
    replace_user: Annotated[YesNo, At("@replaceUser"), Neutral("`no` is how it is; `yes` is refused")] = False
    multi_user: Annotated[YesNo, At("@multiUser"), Neutral("`no` is how it is; `yes` is refused")] = False

    def rules(self) -> Iterator[Broken]:
        """What qemu-rdp cannot do."""
        yield from super().rules()
        if self.replace_user:
            yield Broken("replace_user", "qemu-rdp does not replace users")
        if self.multi_user:
            yield Broken("multi_user", "qemu-rdp has one user")
        if self.passwd_valid_to is not None:
            yield Broken("passwd_valid_to", "passwords of RDP do not expire")
        if self.username is not None and self.passwd is None:
            yield Broken("username", "needs passwd=…")
        if self.listens and self.listens[0].type in ("socket", "none"):
            yield Broken("listens", "RDP listens on an address")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """Nothing."""
        return iter(())

    def need(self, bus: str) -> Need:
        """What is to be started beside QEMU, on the bus with this address."""
        assert self.endpoint is not None
        automatic = self.autoport or self.port in (None, -1)
        where = f"{self.endpoint.host}:{_PORT if automatic else self.port}"
        words = f"qemu-rdp --dbus-address={bus} serve --bind-address {where}"
        user = f" for the user {self.username}" if self.username is not None else ""
        secret = f"; then set its password{user}, as the domain has it" if self.passwd is not None else ""
        return Need("rdp", "rdp", f"once QEMU runs, start {words}, with --cert and --key of the host{secret}")
