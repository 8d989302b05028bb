"""``<os>``: what machine it is, and what boots on it."""

from prober.domain.os.emit import emit_loader, emit_os, machine_os, refuse_os
from prober.domain.os.model import Os

__all__ = ["Os", "emit_loader", "emit_os", "machine_os", "refuse_os"]
