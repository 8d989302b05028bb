"""What a QEMU binary can do: models, derivation from a recording, cache and catalog of a host's binaries."""

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Evidence, Verdict
from prober.capabilities.models import Machine, QomProperty, Version

__all__ = ["Capabilities", "Evidence", "Machine", "QomProperty", "Verdict", "Version"]
