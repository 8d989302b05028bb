"""``type='vdpa'``: hardware that moves virtio's queues itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need, Value
from prober.commandline.refusal import Broken
from prober.devices.interface.base import CardInterface, Queues
from prober.domain.shared.chardev.opened import add_descriptor, set_path
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import AbsolutePath


class VdpaInterface(CardInterface):
    """``type='vdpa'``: hardware that moves virtio's queues itself."""

    tag = ""
    default_model = "virtio"
    virtio_only = ()

    type: Annotated[Literal["vdpa"], At("@type"), Becomes("`-netdev vhost-vdpa` on a `-add-fd`")] = "vdpa"
    dev: Annotated[AbsolutePath, At("source/@dev"), Becomes("the descriptor behind `vhostdev`")]
    queues: Queues = None

    def rules(self) -> Iterator[Broken]:
        """There is virtio alone."""
        yield from super().rules()
        if not self.is_virtio:
            yield Broken("model", "a vDPA interface has <model type='virtio'/>")

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """The open device, and the ``-netdev`` on it."""
        need = Need("vdpa", self.id, f"open {self.dev} for reading and writing", self.dev)
        yield add_descriptor(f"{self.id}-vdpa", need, self.place("dev"))
        value: dict[str, Value] = {"type": "vhost-vdpa", "vhostdev": set_path(f"{self.id}-vdpa")}
        if self.queue_count > 1:
            value["queues"] = self.queue_count
        yield self.make_netdev(**value)
