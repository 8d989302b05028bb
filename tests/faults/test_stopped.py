"""A QEMU that is stopped (SIGSTOP) while it is asked, one that hangs at any step, and a killed one."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.making import SMALL_ASKED, make_fake, small_answers
from tests.faults.host import all_of, asked, entry, send, serving, verdict, wait_until_nothing_is_left
from tests.integration.processes import wait_until

pytestmark = pytest.mark.slow

#: So long (seconds) a QEMU that stands still is waited for.
LIMITS = "[catalog.limits]\ngreet_s = {greet}\nreply_s = {reply}\ntotal_s = 60.0\n"


@pytest.mark.long
@pytest.mark.fault("stopped")
def test_one_that_goes_on_is_waited_for(directory: Path, qemu: Path) -> None:
    with serving(directory, qemu, more=LIMITS.format(greet=60, reply=60)) as service, service.client() as client:
        wait_until(lambda: asked(qemu))
        stopped = asked(qemu)
        send(signal.SIGSTOP, stopped)
        time.sleep(0.5)
        assert client.get("/healthz").ok
        send(signal.SIGCONT, stopped)
        assert verdict(client, qemu) == "present"
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)


@pytest.mark.fault("stopped")
def test_one_that_does_not_is_given_up_and_asked_again(directory: Path, qemu: Path) -> None:
    """All that are asked stand still; they are killed in that state, and others asked without anybody's help."""
    with serving(directory, qemu, more=LIMITS.format(greet=3, reply=3)) as service, service.client() as client:
        wait_until(lambda: asked(qemu))
        stopped: set[int] = set()
        while not (now := entry_now(client, qemu))["error"]:
            fresh = [pid for pid in asked(qemu) if pid not in stopped]
            send(signal.SIGSTOP, fresh)
            stopped.update(fresh)
            time.sleep(0.02)
        assert "within" in now["error"], now
        wait_until(lambda: entry_now(client, qemu)["state"] == "ready")
        assert verdict(client, qemu) == "present"
        assert not set(asked(qemu)) & stopped
    wait_until_nothing_is_left(directory)


def entry_now(client: Any, binary: Path) -> dict[str, Any]:
    """How a binary stands, without waiting."""
    (found,) = client.get("/v1/binaries").value["binaries"]
    return {"error": None, **found}


def _steps() -> list[str]:
    """What a small QEMU is asked, in the order of its table, and what comes before."""
    names = [key.partition(" ")[0] for key in small_answers() if "typename" not in key]
    return list(dict.fromkeys(["qmp_capabilities", *names, *SMALL_ASKED]))


STEPS = _steps()
FEW = ("qom-list-types",)


@pytest.mark.fault("hangs")
@pytest.mark.parametrize("at", [step if step in FEW else pytest.param(step, marks=pytest.mark.long) for step in STEPS])
def test_one_that_hangs_for_a_while_is_asked_again(directory: Path, at: str) -> None:
    """It ignores SIGTERM too.  It is given up, which is told, and the next one answers."""
    marks = directory / "marks"
    fake = make_fake(directory, "hangs_until", at=at, marks=str(marks))
    with serving(directory, fake, more=LIMITS.format(greet=3, reply=3)) as service, service.client() as client:
        wait_until(lambda: asked(fake))
        assert client.get("/healthz").ok
        failed = entry(client, fake)
        assert (failed["state"], "within" in str(failed["error"])) == ("failed", True), failed
        marks.touch()
        wait_until(lambda: entry_now(client, fake)["state"] == "ready")
        assert "zeta" in all_of(client, fake)["types"]
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)
