"""The clock jumps by hours under a running service, and under one that is started anew.

The host's own clock stays as it is: libfaketime stands between the service (and all that it forks) and the C library,
and reads from a file what the time is.  QEMU is started without it.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.host import asked, entry, serving, verdict, wait_until_nothing_is_left
from tests.integration.processes import wait_until
from tests.raw_http import connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.fault("clock"), pytest.mark.needs("faketime")]

HOUR = 3600


class Clock:
    """The clock of a service; ``environment`` is what makes it its own."""

    def __init__(self, directory: Path, *, monotonic: bool) -> None:
        self._file = directory / "time"
        self.jump(0)
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "0" if monotonic else "1",
            "DONT_FAKE_MONOTONIC": "0" if monotonic else "1",
            "NO_FAKE_STAT": "1",
        }

    def jump(self, seconds: int) -> None:
        """So far (seconds) from the host's own."""
        new = self._file.with_name("time.new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


@pytest.mark.long
@pytest.mark.parametrize("monotonic", [False, True])
def test_it_jumps_under_a_running_service(directory: Path, qemu: Path, monotonic: bool) -> None:
    """By hours, forward and back, also while QEMU is asked; monotonic: as after a pause of the whole machine."""
    clock = Clock(directory, monotonic=monotonic)
    with (
        serving(directory, qemu, environment=clock.environment, measured=False) as service,
        service.client() as client,
        connect(service.socket) as idle,
    ):
        wait_until(lambda: asked(qemu))
        clock.jump(5 * HOUR)
        assert verdict_in_the_end(client, qemu) == "present"
        told = entry(client, qemu)["asked_at"]
        for hours in (11, 30) if monotonic else (-7, 12):
            clock.jump(hours * HOUR)
            time.sleep(1.5)  # It looks into the file every second.
            assert client.get("/readyz").ok
            assert verdict(client, qemu) == "present"
            before = told
            while abs(told - before) < HOUR:  # It has to look into the file first.
                assert client.post(f"/v1/binaries/{qemu.name}/refresh", b"").ok
                assert verdict_in_the_end(client, qemu) == "present"
                told = entry(client, qemu)["asked_at"]
        assert "Traceback" not in service.printed()
        assert b"is asked again" not in service.printed().encode(), "nothing had changed"
        idle.close()
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)


def verdict_in_the_end(client: Any, binary: Path) -> str:
    """Where the monotonic clock itself jumps, the interview that is under way is given up, and another one made."""
    wait_until(lambda: entry(client, binary)["state"] == "ready")
    return verdict(client, binary)


@pytest.mark.parametrize("hours", [-100, pytest.param(100, marks=pytest.mark.long)])
def test_it_has_jumped_between_two_services(directory: Path, qemu: Path, hours: int) -> None:
    """What the first one kept holds for the second: its date does not matter, and neither does that of what is left."""
    with serving(directory, qemu) as service, service.client() as client:
        assert verdict(client, qemu) == "present"
        wait_until(lambda: list((directory / "cache").glob("*.cache")))
        assert service.stop()[0] == 0
    left = directory / "cache" / ".somebody.cache.1.0.tmp"
    left.write_bytes(b"half of an ent")
    clock = Clock(directory, monotonic=False)
    clock.jump(hours * HOUR)
    environment = clock.environment
    with (
        serving(directory, qemu, environment=environment, measured=False) as service,
        service.client() as client,
    ):
        assert verdict(client, qemu) == "present"
        assert entry(client, qemu)["source"] == "cache"
        assert not left.exists()
        assert service.stop()[0] == 0


@pytest.mark.long
def test_the_monotonic_clock_is_another_one(directory: Path, qemu: Path) -> None:
    """As after a boot, or on a host that has been up for a month: in a time namespace (time_namespaces(7))."""
    for days in (0, 30):
        before = ("unshare", "--time", f"--monotonic={days * 24 * HOUR}", f"--boottime={days * 24 * HOUR}", "--fork")
        done = subprocess.run([*before, "true"], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"this needs the right to make a time namespace: {done.stderr.decode()}")
        words = ("setpriv", "--pdeathsig=TERM") if days == 0 else (*before, "--kill-child")
        with serving(directory, qemu, before=words, measured=False) as service, service.client() as client:
            assert verdict(client, qemu) == "present"
            assert entry(client, qemu)["source"] == ("interview" if days == 0 else "cache")
            time.sleep(0.5)
    wait_until_nothing_is_left(directory)
