"""Why a place cannot be had."""

from __future__ import annotations

from prober.commandline.refusal import Unfit


class SlotError(Unfit):
    """A PCI slot cannot be had; the text says why."""


class PortError(Unfit):
    """A port of a USB or virtio-serial controller cannot be had; the text says why."""
