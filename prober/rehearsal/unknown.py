"""What a rehearsal cannot tell, as it is the host's matter and not QEMU's."""

from __future__ import annotations

from collections.abc import Iterator

from prober.proof.given import given_options
from prober.rehearsal.pair import PairSide

#: Network backends whose features come from the host's kernel or another process.
_OF_HOST = {
    "tap": "which offloads a tap device has is the kernel's matter on either host (tun's features)",
    "vhost-user": "which features a vhost-user network has is its process's matter on either host",
    "vhost-vdpa": "which features vDPA has is the hardware's matter on either host",
    "af-xdp": "which features AF_XDP has is the kernel's matter on either host",
}


def unknowns_of(*sides: PairSide) -> tuple[str, ...]:
    """A sentence for each thing, without repetition."""
    return tuple(dict.fromkeys(text for side in sides for text in _unknowns(side)))


def _unknowns(side: PairSide) -> Iterator[str]:
    if side.scene.instead_of_kvm:
        yield "no KVM works here: what a CPU and its clock are under KVM was not compared, as TCG stood in"
    for option in given_options([*side.scene.words]):
        if option.flag in ("-netdev", "-nic", "-net") and option.type in _OF_HOST:
            yield _OF_HOST[option.type]
        driver = option.type if option.flag == "-device" else ""
        if driver.startswith("vhost-user-"):
            yield f"what a {driver} has is its process's matter on either host"
