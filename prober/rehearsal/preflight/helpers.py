"""Programs that work for a guest beside QEMU: there, to be run by the user, and of which version.

One in a place of the distribution's is asked for its version, in the process that looks: it may change nothing.  One
that the XML names is not run.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

from prober.commandline.refusal import Place
from prober.devices.filesystem.model import FilesystemElement
from prober.devices.tpm import Tpm
from prober.rehearsal.preflight.files import look_at_path
from prober.rehearsal.preflight.ground import Ground, NeedLook, is_right, is_unknown, is_wrong
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.sockets import look_at_client, look_at_server
from prober.rehearsal.preflight.view import READ, SEARCH, SeenHost
from prober.rehearsal.preflight.wanted import HostItem, HostNeed

#: Where each may be, and the package that has it.
_PLACES = {
    "swtpm": (("/usr/bin/swtpm", "/usr/local/bin/swtpm"), "apt install swtpm"),
    "swtpm_setup": (("/usr/bin/swtpm_setup", "/usr/local/bin/swtpm_setup"), "apt install swtpm-tools"),
    "passt": (("/usr/bin/passt", "/usr/local/bin/passt"), "apt install passt"),
    "virtiofsd": (
        ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd"),
        "apt install virtiofsd (Debian 12: qemu-system-common)",
    ),
    "vhost-user-gpu": (
        ("/usr/lib/qemu/vhost-user-gpu", "/usr/libexec/vhost-user-gpu"),
        "apt install qemu-system-gui",
    ),
    "qemu-pr-helper": (("/usr/bin/qemu-pr-helper",), "apt install qemu-utils (qemu-system-common)"),
}

#: How long (seconds) a helper may take to tell its version, and how much it may say.
_PATIENCE_S = 3.0
_MOST_SAID = 4096

_VERSION = re.compile(r"\d+\.[\w.~+-]*|\d{4}_\d\d_\d\d\.\w+")


def look_at_helper(name: str, place: Place, on: Ground, why: str) -> Iterator[HostFinding]:
    """One of those that distributions bring."""
    places, install = _PLACES[name]
    path = next((one for one in places if on.view.is_there(one)), None)
    if path is None:
        yield is_wrong("helper", f"there is no {name}", place, why, install)
        return
    way = on.view.walk(path, SEARCH)
    if way.end != "there":
        yield from look_at_path("helper", path, place, on, SEARCH, why=why)
        return
    version = _ask(way.real, on.view)
    said = f"{path} is there" + (f", version {version}" if version else "; its version is not known")
    yield is_right("helper", said, place)


def _ask(real: str, view: SeenHost) -> str:
    """The version that a helper of this host tells of itself; empty where it tells none."""
    if not view.is_this_host:
        return ""
    with suppress(OSError):
        started = subprocess.Popen(  # noqa: S603 - one of the distribution's places, see _PLACES
            [real, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
        )
        assert started.stdout is not None
        try:
            said = _read(started.stdout.fileno())
        finally:
            started.kill()
            started.wait()
            started.stdout.close()
        match = _VERSION.search(said)
        return match[0][:80] if match is not None else ""
    return ""


def _read(fd: int) -> str:
    deadline, content = time.monotonic() + _PATIENCE_S, b""
    while (left := deadline - time.monotonic()) > 0 and len(content) < _MOST_SAID:
        if not select.select([fd], [], [], left)[0] or not (part := os.read(fd, _MOST_SAID)):
            break
        content += part
    return content.decode(errors="replace")


def look_at_swtpm(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """The emulator of a TPM, or the one that somebody else has started."""
    tpm = on.wanted.device(wish.need.name)
    if isinstance(tpm, Tpm) and tpm.backend == "external":
        yield from look_at_client(wish.text, wish.place, on, who="the TPM")
        return
    why = "whoever starts QEMU starts it, as the guest's TPM"
    yield from look_at_helper("swtpm", wish.place, on, why)
    yield from look_at_helper("swtpm_setup", wish.place, on, "it makes the state of a new TPM")


def look_at_virtiofsd(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """What shares a directory, and the directory."""
    shared = on.wanted.device(wish.need.name)
    why = "whoever starts QEMU starts it, and it shares the directory"
    if isinstance(shared, FilesystemElement):
        if shared.socket is not None:
            yield from look_at_client(wish.text, wish.place, on, who="virtiofsd")
            return
        if shared.binary is not None:
            yield from look_at_path("helper", shared.binary, shared.place("binary"), on, SEARCH, why=why)
        else:
            yield from look_at_helper("virtiofsd", wish.place, on, why)
        if shared.source is not None:
            # virtiofsd is mostly run as root, so what the user may do with it says nothing.
            yield from look_at_path("directory", shared.source, shared.place("source"), on, why="the guest gets it")
        return
    yield from look_at_helper("virtiofsd", wish.place, on, why)


def look_at_vhost_user(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """The socket of another process, which serves a device; where QEMU makes it, the way to it."""
    if "once QEMU has made it" in wish.need.todo:
        yield from look_at_server(wish.text, wish.place, on)
    else:
        yield from look_at_client(wish.text, wish.place, on, who="the vhost-user backend")


def helper(name: str, why: str) -> NeedLook:
    """A look at one helper, for a need."""

    def look(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
        yield from look_at_helper(name, wish.place, on, why)

    return look


def look_at_passt(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-netdev passt``, which QEMU itself starts."""
    path = item.text("path")
    if path:
        yield from look_at_path("helper", path, item.where("path"), on, READ, SEARCH, why="QEMU starts it")
    else:
        yield from look_at_helper("passt", item.place, on, "QEMU starts it")


def external_socket(who: str) -> NeedLook:
    """A look at a socket on which somebody has to listen before QEMU starts."""

    def look(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
        if wish.text.startswith("/"):
            yield from look_at_client(wish.text, wish.place, on, who=who)
        else:
            yield is_unknown("socket", f"where {who} listens is not known", wish.place, wish.need.todo)

    return look
