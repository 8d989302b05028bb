"""``<interface>``: a network card, and what it is connected to; one class per type.

``null`` and ``vds`` are other hypervisors', and libvirt refuses them for QEMU.
"""

from prober.devices.interface.base import CardInterface, Interface
from prober.devices.interface.hostdev import HostdevInterface
from prober.devices.interface.sockets import ClientInterface, McastInterface, ServerInterface, UdpInterface
from prober.devices.interface.tap import BridgeInterface, DirectInterface, EthernetInterface, NetworkInterface
from prober.devices.interface.user import InternalInterface, UserInterface
from prober.devices.interface.vdpa import VdpaInterface
from prober.devices.interface.vhostuser import VhostuserInterface

Interface.choices = {
    "": UserInterface,
    "user": UserInterface,
    "ethernet": EthernetInterface,
    "vhostuser": VhostuserInterface,
    "server": ServerInterface,
    "client": ClientInterface,
    "mcast": McastInterface,
    "network": NetworkInterface,
    "bridge": BridgeInterface,
    "internal": InternalInterface,
    "direct": DirectInterface,
    "hostdev": HostdevInterface,
    "udp": UdpInterface,
    "vdpa": VdpaInterface,
}

__all__ = ["CardInterface", "HostdevInterface", "Interface", "NetworkInterface", "UserInterface"]
