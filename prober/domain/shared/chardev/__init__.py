"""Character devices: one end is in the guest, or in some other device of QEMU, the other is on the host.

An element whose ``type`` says where the other end is, and whose ``<source>``, ``<protocol>`` and ``<log>`` say the
rest, is a :class:`Character`.  What each type takes and becomes is in a :class:`~.backend.Backend`.  What has only
the path of a unix socket uses :func:`~.sockets.unix_socket`.
"""

from prober.domain.shared.chardev.character import Character, CharacterDevice
from prober.domain.shared.chardev.reconnect import Reconnect
from prober.domain.shared.chardev.source import CharacterSource

__all__ = ["Character", "CharacterDevice", "CharacterSource", "Reconnect"]
