"""How the host treats a domain's threads, memory and disks: what libvirt does by cgroups, the scheduler and resctrl.

Nothing of it is on QEMU's command line.  It is read in full all the same, as what is wrong here is wrong there.
"""

from prober.domain.tuning.cpu import CpuTune
from prober.domain.tuning.host import IdMap, Perf, ResourcePartition
from prober.domain.tuning.memory import BlkioTune, MemTune

__all__ = ["BlkioTune", "CpuTune", "IdMap", "MemTune", "Perf", "ResourcePartition"]
