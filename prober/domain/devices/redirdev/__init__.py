"""``<redirdev>``: a USB device of some other machine, and ``<redirfilter>``: which ones are let in."""

from prober.domain.devices.redirdev.filter import Redirfilter
from prober.domain.devices.redirdev.model import Redirdev, filter_redirdevs

__all__ = ["Redirdev", "Redirfilter", "filter_redirdevs"]
