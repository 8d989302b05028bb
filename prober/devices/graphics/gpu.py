"""The host's GPU, for displays that draw with it."""

from __future__ import annotations

from prober.commandline.options import Need, Prepared
from prober.host.target import Target


def render_node(given: str | None, service: str, target: Target) -> Prepared:
    """The render node of the domain; without one, the host's first (libvirt, ``virHostGetDRMRenderNode``)."""
    path = given or target.host.render_node
    return Prepared(path, Need("gpu", service, f"QEMU draws with the GPU of {path}; its user must be allowed to"))
