"""A libvirt in a root directory, and the QEMU beside it."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers import inside

_INSIDE = Path(inside.__file__)

#: Where the asking process finds its script, in the box.
_SHOWN = "/mnt/inside.py"

#: What the box has of the host, where there is such a device: KVM, and what cards on a tap need.
_DEVICES = ("/dev/kvm", "/dev/net/tun", "/dev/vhost-net", "/dev/vhost-vsock")

#: Directories that are empty at first, and gone with the box.
_OWN = ("/tmp", "/run", "/var/tmp", "/root", "/mnt")

_PATIENCE = 10.0

#: What is said in the place of a process that ended.
_ENDED = {"error": "libvirt's process ended"}


@dataclass(frozen=True, slots=True)
class Said:
    """What libvirt said of a domain: the words of a command line, or why there is none."""

    argv: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    cpu: float = 0.0
    kib: int = 0


class Peer:
    """One libvirt, asked in a box of its own without network; a context manager.

    :raise OSError: where the box cannot be started.
    """

    def __init__(self, root: Path, *, times: bool = False) -> None:
        self.root = root
        self._times = times
        self._process = self._start()
        told = self._read()
        #: Why it cannot be asked; empty where it can.
        self.fault = str(told["error"]) if isinstance(told, dict) else ""
        self.version: tuple[int, ...] = () if isinstance(told, dict) else tuple(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """As reasons call it: ``libvirt-12.8``."""
        return f"libvirt-{'.'.join(map(str, self.version[:2]))}"

    @cached_property
    def _command(self) -> list[str]:
        seen = [word for device in _DEVICES for word in ("--dev-bind-try", device, device)]
        own = [word for place in _OWN for word in ("--tmpfs", place)]
        return [
            "bwrap", "--unshare-net", "--unshare-pid", "--die-with-parent", "--ro-bind", str(self.root), "/",
            "--dev", "/dev", *seen, "--proc", "/proc", "--ro-bind", "/sys", "/sys", *own,
            "--ro-bind", str(_INSIDE), _SHOWN, "--clearenv", "--setenv", "HOME", "/root",
            "--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin",
            "/usr/bin/python3", _SHOWN, *(["--times"] if self._times else []),
        ]  # fmt: skip

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else dict(_ENDED)

    def ask(self, xml: str) -> Said:
        """What it makes of a domain.  One that ends libvirt's process is an error like others, and the next is asked of
        a new process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(xml) + "\n")
        self._process.stdin.flush()
        told = self._read()
        if told == _ENDED:
            self.close()
            self._process = self._start()
            self._read()
        words = shlex.split(told.pop("argv", ""))
        return Said(argv=tuple(_without_environment(words)), **told)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate(timeout=_PATIENCE)


def _without_environment(words: list[str]) -> list[str]:
    """The words from QEMU's path on."""
    first = next((at for at, word in enumerate(words) if word.startswith("/")), 0)
    return words[first:]
