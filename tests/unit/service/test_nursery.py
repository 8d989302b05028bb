"""What the process that makes the workers does in the middle of anything else."""

from __future__ import annotations

import subprocess
import sys

#: A child ends, and that is taken notice of: by somebody who has not used a codec yet, as a process that is young.
NOTICING = """
import encodings, os, signal, sys
from prober.service.workers import nursery

for name in [name for name in sys.modules if name.startswith("encodings.")]:
    del sys.modules[name]
encodings._cache.clear()
imported = []
signal.signal(signal.SIGCHLD, lambda *_: nursery._clear_up())
sys.addaudithook(lambda event, told: imported.append(told[0]) if event == "import" else None)
left = os.fork()
if not left:
    os._exit(0)
while True:  # until it has ended and the handler has waited for it
    try:
        os.waitid(os.P_PID, left, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        break
os.write(1, repr((imported, nursery._children())).encode("utf-8"))
"""


def test_what_it_does_when_a_child_ends_imports_nothing() -> None:
    """It may come in the middle of an import, which would fail with a KeyError: Python's lock of a module is not made
    for being entered twice."""
    told = subprocess.run([sys.executable, "-c", NOTICING], capture_output=True, timeout=60, check=False)
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout == b"([], [])"
