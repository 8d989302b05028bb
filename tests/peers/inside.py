"""libvirt's own ``domxml-to-native``, in a process inside a root directory, asked over a pipe: a line of JSON each.

It is started with the Python of that root, and so imports nothing of this project.  The first line out says which
libvirt this is (``[11, 3, 0]``), or why there is none; then a line in is a domain's XML, and a line out
``{"argv": "…"}`` as libvirt writes it for a shell, or ``{"error": "…"}``.  With ``--times`` an answer says, too, how
many seconds it took (``seconds``, ``cpu``) and how much memory the process has had at most (``kib``).

libvirt's driver for QEMU runs in this process (``qemu:///embed``), so no daemon has to be started.
"""

from __future__ import annotations

import ctypes
import json
import resource
import sys
import time
from pathlib import Path

#: Where libvirt's driver keeps its state; it has the directory to itself.
STATE = "/tmp/peer"  # of the box, not of the host

#: What ``qemu.conf`` says, beside libvirt's defaults: in a box there is no other user, and no virtlogd.
CONFIGURATION = 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nstdio_handler = "file"\n'


def main() -> None:
    """Answer until the input ends."""
    place = Path(STATE) / "etc"
    place.mkdir(parents=True)
    (place / "qemu.conf").write_text(CONFIGURATION)
    try:
        library = ctypes.CDLL("libvirt.so.0")
    except OSError as error:
        _say({"error": str(error)})
        return
    # Without a handler libvirt writes each error to stderr, too.
    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(lambda _data, _error: None)
    library.virSetErrorFunc(None, handler)
    library.virGetLastErrorMessage.restype = ctypes.c_char_p
    library.virEventRegisterDefaultImpl()
    library.virConnectOpen.restype = ctypes.c_void_p
    library.virConnectDomainXMLToNative.restype = ctypes.c_char_p
    library.virConnectDomainXMLToNative.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
    connection = library.virConnectOpen(f"qemu:///embed?root={STATE}".encode())
    if not connection:
        _say({"error": _last_error(library)})
        return
    number = ctypes.c_ulong()
    library.virGetVersion(ctypes.byref(number), None, None)
    _say([number.value // 1_000_000, number.value // 1000 % 1000, number.value % 1000])
    for line in sys.stdin:
        _say(_answer(library, connection, json.loads(line)))


def _answer(library: ctypes.CDLL, connection: int, xml: str) -> dict[str, object]:
    began, began_cpu = time.perf_counter(), time.process_time()
    argv = library.virConnectDomainXMLToNative(connection, b"qemu-argv", xml.encode(), 0)
    took, took_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    answer: dict[str, object] = {"argv": argv.decode()} if argv else {"error": _last_error(library)}
    if "--times" in sys.argv:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer.update(seconds=took, cpu=took_cpu, kib=most)
    return answer


def _last_error(library: ctypes.CDLL) -> str:
    return (library.virGetLastErrorMessage() or b"").decode()


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
