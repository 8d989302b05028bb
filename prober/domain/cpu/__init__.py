"""``<cpu>``: the virtual CPUs that the guest sees."""

from prober.domain.cpu.model import Cpu

__all__ = ["Cpu"]
