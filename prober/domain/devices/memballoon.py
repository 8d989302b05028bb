"""``<memballoon>``: memory that the guest can hand back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.domain.binding import At, Qemu
from prober.domain.shared.address import PciAddress
from prober.domain.shared.device import Device
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target
from prober.domain.values import OnOff


class Memballoon(Device):
    """A domain without the element has a virtio balloon; ``model='none'`` says that it shall have none."""

    element = "memballoon"
    alias_prefix = "balloon"
    address_turn = 60

    model: Annotated[Literal["virtio", "none"], At("@model")]
    autodeflate: Annotated[OnOff | None, At("@autodeflate"), Qemu("deflate-on-oom")] = None
    free_page_reporting: Annotated[OnOff | None, At("@freePageReporting"), Qemu("free-page-reporting")] = None
    address: Annotated[PciAddress | None, At("address")] = None

    def plug(self, target: Target) -> Kinds | None:
        """A virtio device, or nothing."""
        return None if self.model == "none" else Plug.virtio(target)

    def rules(self) -> Iterator[tuple[str, str]]:
        """A balloon that is not there has nothing to set."""
        if self.model == "none":
            for name in ("autodeflate", "free_page_reporting", "address"):
                if getattr(self, name) is not None:
                    yield name, "model='none' has no balloon to set this on"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        if self.model == "none":
            return
        identity = options.Property("id", self.id, self.place())
        properties = (*self.properties(), identity, *self.pci_properties(target))
        yield options.Device("virtio-balloon-pci", properties, self.place())
