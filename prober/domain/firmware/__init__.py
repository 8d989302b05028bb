"""The firmware that is installed on a host, and which of it a domain gets.

Firmware comes with descriptors: small JSON files by a schema of QEMU's (``docs/interop/firmware.json``).  They are
read once, at the edge; choosing looks at nothing else.
"""

from prober.domain.firmware.descriptor import Descriptor
from prober.domain.firmware.read import read_firmware

__all__ = ["Descriptor", "read_firmware"]
