"""``<cpu>``: the virtual CPUs that the guest sees."""

from prober.domain.cpu.emit import emit_cpu

__all__ = ["emit_cpu"]
