"""What QEMU itself takes to read a command line of 100 devices: the only other way to know what is wrong in it."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence

from tests.bench import Row
from tests.bench.lines import make_line

_STARTS = 7
_MS = 1000
_PATIENCE = 60.0


def rows() -> Iterator[Row]:
    """Measure, where a QEMU is installed.  No bar: it stands beside the check."""
    installed = shutil.which("qemu-system-x86_64")
    if installed is None:
        return
    line = make_line(installed, 100)
    took = statistics.median(_start(line) for _ in range(_STARTS))
    yield Row("QEMU's own start with 100 devices", "process", f"{took * _MS:.0f} ms", note="to QMP's answer")


def _start(line: Sequence[str]) -> float:
    """The seconds until QEMU has made all devices and answers."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*line, "-qmp", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"execute": "qmp_capabilities"}')
        process.stdin.flush()
        greeting, answer = process.stdout.readline(), process.stdout.readline()
        took = time.perf_counter() - began
        assert b"QMP" in greeting, (greeting, process.stderr and process.stderr.read())
        assert json.loads(answer) == {"return": {}}
        return took
    finally:
        process.kill()
        process.communicate(timeout=_PATIENCE)
