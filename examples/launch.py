#!/usr/bin/env python3
"""Start a guest from an answer of prober: prepare each of its resources, start QEMU, and look after it over QMP.

    prober translate --monitor /run/vm/qmp.sock --json vm.xml | examples/launch.py -

It shows what a program does with an answer, with nothing but Python's own library.  What it cannot prepare it names,
and starts nothing: each resource of an answer is either done here or said to be missing.  It ends when QEMU does;
SIGINT and SIGTERM have it end QEMU.

Exit codes: 0 the guest ran and ended; 2 the answer cannot be read; 3 a resource is not prepared here; 5 QEMU failed.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

#: How long (seconds) QEMU may take until it speaks.
_PATIENCE_S = 30.0

_OPENS = {
    "read": os.O_RDONLY,
    "read-write": os.O_RDWR,
    "write": os.O_WRONLY,
    "append": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "truncate": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
}


class Missing(Exception):
    """A resource that is not prepared here."""


class Launch:
    """One guest: its words, what they need, and what is to be done once QEMU speaks."""

    def __init__(self, answer: dict[str, Any], held: ExitStack) -> None:
        self.argv: list[str] = list(answer["argv"])
        self.environment = dict(os.environ)
        self.monitor: str | None = None
        self.before: list[dict[str, Any]] = []
        self.on_event: dict[str, list[dict[str, Any]]] = {}
        self._numbers: dict[int, int] = {}
        self._held = held

    def prepare(self, resource: dict[str, Any]) -> None:
        """Do what a resource asks for.

        :raise Missing: where it is nothing that is done here.
        """
        deed, value = resource["deed"], resource["value"]
        if resource["kind"] == "monitor":
            self.monitor = value
        match deed:
            case {"act": "open", "path": path, "access": access} if access in _OPENS:
                self._pass(value, os.open(path, _OPENS[access], 0o600))
            case {"act": "listen", "path": path}:
                self._pass(value, self._listen(path))
            case {"act": "make-directory", "path": path}:
                Path(path).mkdir(parents=True, exist_ok=True)
            case {"act": "copy", "path": path, "source": source}:
                if not Path(path).exists():
                    shutil.copyfile(source, path)
            case {"act": "write-random", "path": path, "bytes": count}:
                self._keep(path, secrets.token_bytes(count))
            case {"act": "set-variable", "variable": name, "text": text}:
                self.environment[name] = text
            case {"act": "send", "commands": commands}:
                self.before += commands
            case {"act": "on-event", "event": event, "commands": commands}:
                self.on_event[event] = commands
            case _:
                raise Missing(f"{resource['kind']} {resource['name']}: {resource['todo']}")

    def start(self) -> subprocess.Popen[bytes]:
        """QEMU, stopped until somebody lets it go, with each descriptor under the number that its words have."""
        # They are moved out of each other's way first: the number that one is to have may be another's.
        moved = {number: fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 256) for number, one in self._numbers.items()}

        def hand_over() -> None:
            for number, one in moved.items():
                os.dup2(one, number)

        # What Python closes are all from 3 on but these, which there have to be before it looks.
        for number, one in moved.items():
            os.dup2(one, number)
        try:
            return subprocess.Popen(
                [*self.argv, "-S"], env=self.environment, pass_fds=tuple(moved), preexec_fn=hand_over
            )
        finally:
            for one in (*moved, *moved.values()):
                os.close(one)

    def _pass(self, value: str, descriptor: int) -> None:
        """Keep a descriptor for the number that stands in QEMU's words."""
        if not value.isdigit():
            raise Missing(f"descriptor for {value!r}: a number is expected")
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 128)
        os.close(descriptor)
        self._numbers[int(value)] = high

    def _listen(self, path: str) -> int:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)
        self._held.callback(Path(path).unlink, missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen(1)
        return listening.detach()

    def _keep(self, path: str, data: bytes) -> None:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_bytes(data)
        self._held.callback(file.unlink, missing_ok=True)


class Monitor:
    """QMP on a unix socket: commands, and the events that come between."""

    def __init__(self, path: str, process: subprocess.Popen[bytes]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._socket.connect(path)
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self.events: list[dict[str, Any]] = []
        self.read()
        self.ask({"execute": "qmp_capabilities"})

    def read(self) -> dict[str, Any] | None:
        """The next that QEMU says; None where it has ended."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def ask(self, command: dict[str, Any]) -> Any:
        """What QEMU returns; events that come before it are kept."""
        self._socket.sendall(json.dumps(command).encode() + b"\n")
        while (said := self.read()) is not None:
            if "event" in said:
                self.events.append(said)
            elif "error" in said:
                raise OSError(f"{command['execute']}: {said['error']['desc']}")
            else:
                return said.get("return")
        return None

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def look_after(launch: Launch, monitor: Monitor) -> None:
    """Let the guest go, and do at each event what its domain says, until QEMU ends."""
    for command in launch.before:
        monitor.ask(command)
    monitor.ask({"execute": "cont"})
    print("status:", monitor.ask({"execute": "query-status"})["status"], flush=True)
    while True:
        said = monitor.events.pop(0) if monitor.events else monitor.read()
        if said is None:
            return
        if "event" not in said:
            continue
        print("event:", said["event"], flush=True)
        for command in launch.on_event.get(said["event"], ()):
            monitor.ask(command)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether that was QEMU's end, which its socket tells of a moment before."""
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        return False
    return True


def run(answer: dict[str, Any]) -> int:
    """Start the guest of an answer, and wait until it has ended."""
    with ExitStack() as held:
        launch = Launch(answer, held)
        missing = []
        for resource in answer["resources"]:
            if resource["kind"] in ("made-up", "moment"):
                continue  # The guest runs as it is; `translate --make-up` tells it from others, and it starts now.
            try:
                launch.prepare(resource)
            except (Missing, OSError) as error:
                missing.append(str(error))
        if launch.monitor is None:
            missing.append("no monitor: have it translated with --monitor SOCKET")
        if missing:
            print("\n".join(f"not prepared: {one}" for one in missing), file=sys.stderr)
            return 3
        process = launch.start()
        held.callback(process.wait)
        held.callback(process.terminate)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: process.terminate())
        try:
            monitor = Monitor(str(launch.monitor), process)
            held.callback(monitor.close)
            look_after(launch, monitor)
        except OSError as error:
            if not _has_ended(process):
                print(f"QEMU does not do it: {error}", file=sys.stderr)
                return 5
        return 0 if process.wait() == 0 else 5


def main() -> int:
    """Read an answer of ``prober translate --json``, and start its guest."""
    parser = argparse.ArgumentParser(description="Start a guest from an answer of `prober translate --json`.")
    parser.add_argument("answer", help="the file of the answer; - is stdin")
    name = parser.parse_args().answer
    try:
        answer = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
        if not {"argv", "resources"} <= answer.keys():
            raise ValueError("no translation: was the domain refused?")
    except (OSError, ValueError, AttributeError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return run(answer)


if __name__ == "__main__":
    sys.exit(main())
