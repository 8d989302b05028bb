"""A client that is another user: a process that gives up being root before it connects.  The test has to be root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

#: All is imported first: the checkout may lie where only root can read.
_ASK = """
import json, os, sys
from prober.service.client import Client
socket, uid, gid, groups, method, path, body, kind = json.loads(sys.argv[1])
os.setgroups(groups)
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
with Client(socket, timeout=60) as client:
    reply = client.get(path) if method == "GET" else client.post(path, body.encode(), kind)
print(json.dumps([reply.status, reply.value]))
"""


def require_root() -> None:
    """Skip where the test cannot become somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can ask as somebody else")


def ask_as(
    socket: Path,
    method: str,
    path: str,
    *,
    uid: int,
    gid: int,
    groups: Sequence[int] = (),
    body: str = "",
    kind: str = "application/json",
) -> tuple[int, Any]:
    """The status and the value of what the service answers to this user, who is in these groups besides."""
    told = json.dumps([str(socket), uid, gid, [*groups], method, path, body, kind])
    done = subprocess.run([sys.executable, "-c", _ASK, told], capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    status, value = json.loads(done.stdout)
    return status, value
