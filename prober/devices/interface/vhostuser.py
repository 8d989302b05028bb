"""``type='vhostuser'``: another program moves the packets, in the guest's own memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Value
from prober.commandline.refusal import Broken
from prober.devices.interface.base import Queues
from prober.devices.interface.passt import RECONNECT
from prober.devices.interface.user import PasstInterface
from prober.domain.shared.chardev import Reconnect
from prober.domain.shared.chardev.sockets import too_long, unix_socket
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath


class VhostuserInterface(PasstInterface):
    """``type='vhostuser'``: another program reads and writes the guest's memory."""

    tag = ""
    default_model = "virtio"
    virtio_only = ()

    type: Annotated[Literal["vhostuser"], At("@type"), Becomes("`-netdev vhost-user` on a `-chardev`")] = "vhostuser"
    source_type: Annotated[Literal["unix"] | None, At("source/@type"), Neutral("there is no other")] = None
    path: Annotated[AbsolutePath | None, At("source/@path"), Becomes("`path` of the `-chardev`")] = None
    mode: Annotated[Literal["client", "server"] | None, At("source/@mode"), Becomes("`server` of the `-chardev`")] = (
        None
    )
    reconnect: Annotated[Reconnect | None, At("source/reconnect")] = None
    queues: Queues = None

    def rules(self) -> Iterator[Broken]:
        """A socket, and who connects to it (libvirt 11.3, ``qemuValidateDomainDeviceDefNetwork``)."""
        yield from super().rules()
        if not self.is_virtio:
            yield Broken("model", "a vhost-user interface has <model type='virtio'/>")
        if self.path is None and not self.is_passt:
            yield Broken("", "a vhost-user interface needs <source path=…>")
        if self.path is not None and self.is_passt:
            yield Broken("path", "passt's socket has a path of its own")
        if self.mode == "server" and (self.is_passt or (self.reconnect is not None and self.reconnect.enabled)):
            yield Broken("mode", "only a client can connect anew; leave mode='server' out")
        wrong = too_long(self.path)
        if wrong:
            yield Broken("path", wrong)
        if self.ips and not self.is_passt:
            yield Broken("ips", "an address of the guest needs <backend type='passt'/>")

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """The socket, and the ``-netdev`` on it."""
        chardev, listens = f"char{self.id}", self.mode == "server"
        reconnect = Reconnect(enabled=True, timeout=RECONNECT) if self.is_passt else self.reconnect
        path, place = self._path(target), self.place("path")
        yield unix_socket(chardev, path, place, target, listens=listens, waits=True, reconnect=reconnect)
        value: dict[str, Value] = {"type": "vhost-user", "chardev": chardev}
        if self.queue_count > 1:
            value["queues"] = self.queue_count
        yield self.make_netdev(**value)

    def _path(self, target: Target) -> str:
        if self.is_passt:
            return self.passt(target).path
        assert self.path is not None
        if self.mode == "server":
            todo = "let a vhost-user backend connect to this socket once QEMU has made it: QEMU waits for that"
        else:
            todo = "start the vhost-user backend that listens on this socket"
        return Prepared(self.path, Need("vhost-user", self.id, todo))
