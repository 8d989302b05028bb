"""``<cpu>``: the virtual CPUs that the guest sees."""

from prober.domain.cpu.emit import emit_cpu
from prober.domain.cpu.model import Cpu
from prober.domain.cpu.settle import settle_cpu

__all__ = ["Cpu", "emit_cpu", "settle_cpu"]
