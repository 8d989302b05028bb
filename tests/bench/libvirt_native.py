"""libvirt's own ``domxml-to-native``, in a process of its own: asked over a pipe, as libvirt ends what it works in.

A line of JSON in is a domain's XML, a line out the seconds that it took, by the clock and of the processor's time, or
null where libvirt refuses.  The first line out says whether there is a libvirt at all.  libvirt's driver for QEMU runs
in this process (``qemu:///embed``), so nothing of a daemon or a socket is in the time.
"""

from __future__ import annotations

import ctypes
import json
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Answer until the input ends."""
    with tempfile.TemporaryDirectory(prefix="bench") as root:
        library, connection = _connect(root)
        _say(library is not None and bool(connection))
        if library is None or not connection:
            return
        library.virConnectDomainXMLToNative.restype = ctypes.c_char_p
        library.virConnectDomainXMLToNative.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_uint,
        ]
        for line in sys.stdin:
            xml = json.loads(line).encode()
            began, began_cpu = time.perf_counter(), time.process_time()
            argv = library.virConnectDomainXMLToNative(connection, b"qemu-argv", xml, 0)
            took = [time.perf_counter() - began, time.process_time() - began_cpu]
            _say(took if argv else None)


def _connect(root: str) -> tuple[ctypes.CDLL | None, int | None]:
    # As root: a user of libvirt's who cannot open /dev/kvm makes it ask QEMU anew for each domain, four seconds each.
    (Path(root) / "etc").mkdir()
    (Path(root) / "etc/qemu.conf").write_text('user = "root"\ngroup = "root"\n')
    try:
        library = ctypes.CDLL("libvirt.so.0")
    except OSError:
        return None, None
    library.virEventRegisterDefaultImpl()
    library.virConnectOpen.restype = ctypes.c_void_p
    connection: int | None = library.virConnectOpen(f"qemu:///embed?root={root}".encode())
    return library, connection


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
