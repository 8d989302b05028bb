"""PCI Express ports: root ports, and the ports of a switch."""

from __future__ import annotations

from typing import Annotated, Literal

from prober.commandline.options import Property
from prober.devices.controller.pci.base import PciBridge
from prober.domain.shared.slots import Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Byte, Kibibytes, OnOff


class _Port(PciBridge):
    """What has a number of its own in a chassis."""

    chassis: Annotated[Byte | None, At("target/@chassis"), Becomes("`chassis`")] = None
    port: Annotated[Byte | None, At("target/@port"), Becomes("`port`")] = None
    hotplug: Annotated[OnOff | None, At("target/@hotplug"), Becomes("`hotplug`")] = None

    def before_id(self) -> tuple[Property, ...]:
        """The numbers."""
        port = self._own_port() if self.port is None else self.port
        chassis = self.number if self.chassis is None else self.chassis
        return Property("port", port, self.place("port")), Property("chassis", chassis, self.place("chassis"))

    def after_id(self) -> tuple[Property, ...]:
        """Whether its slot is for hot-plug."""
        return () if self.hotplug is None else (Property("hotplug", self.hotplug, self.place("hotplug")),)

    def _own_port(self) -> int:
        return 0


class PcieRootPort(_Port):
    """``pcie-root-port``: one Express slot, the usual home of a q35's devices."""

    driver = "pcie-root-port"
    sits_as = Plug.PCIE_ROOT_PORT | Plug.SHARE

    model: Annotated[Literal["pcie-root-port"], At("@model"), Becomes("the device")] = "pcie-root-port"
    model_name: Annotated[
        Literal["pcie-root-port", "ioh3420"] | None,
        At("model/@name"),
        Becomes("`-device pcie-root-port` or `ioh3420`"),
    ] = None
    memory_reserve: Annotated[Kibibytes | None, At("target/@memReserve"), Becomes("`mem-reserve`")] = None

    def driver_on(self, target: Target) -> str:
        """The generic port since QEMU 2.9, Intel's before."""
        return self.model_name or ("pcie-root-port" if target.caps.has("pcie-root-port") else "ioh3420")

    def after_id(self) -> tuple[Property, ...]:
        """What any port has, and the memory that firmware keeps free behind it."""
        return super().after_id() + self.reservation(self.memory_reserve)

    def _own_port(self) -> int:
        """After its place.  Without one the domain is refused; what there is is checked."""
        return (self.address.slot << 3) + self.address.function if self.address is not None else 0


class UpstreamPort(PciBridge):
    """``pcie-switch-upstream-port``: the side of a switch that sits in a slot."""

    driver = "x3130-upstream"
    sits_as = Plug.UPSTREAM_PORT

    model: Annotated[Literal["pcie-switch-upstream-port"], At("@model"), Becomes("`-device x3130-upstream`")] = (
        "pcie-switch-upstream-port"
    )
    model_name: Annotated[Literal["x3130-upstream"] | None, At("model/@name"), Becomes("the device")] = None


class DownstreamPort(_Port):
    """``pcie-switch-downstream-port``: one slot of a switch."""

    driver = "xio3130-downstream"
    sits_as = Plug.DOWNSTREAM_PORT

    model: Annotated[Literal["pcie-switch-downstream-port"], At("@model"), Becomes("`-device xio3130-downstream`")] = (
        "pcie-switch-downstream-port"
    )
    model_name: Annotated[Literal["xio3130-downstream"] | None, At("model/@name"), Becomes("the device")] = None

    def _own_port(self) -> int:
        return self.address.slot if self.address is not None else 0
