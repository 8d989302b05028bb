"""A real service on a real socket, in a thread of the test."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from prober.capabilities.interviewer import Interviewer
from prober.service.server import serve
from prober.service.settings import ServiceSettings
from prober.service.workers.start import Nursery
from tests.in_thread import in_thread


def make_settings(directory: Path, catalog: dict[str, Any] | None = None, **more: Any) -> ServiceSettings:
    """Settings that touch nothing outside of the directory."""
    told = {"directories": [directory / "bin"], "qemu_kvm": None, "cache_dir": directory / "cache", **(catalog or {})}
    given = {"socket": directory / "s.sock", "prover_socket": None, "catalog": told, **more}
    return ServiceSettings.model_validate(given)


@cache
def shared_nursery() -> Nursery:
    """One for all services of this process: what the workers need is imported once."""
    made = Nursery.spawn()
    atexit.register(made.close)
    return made


@contextmanager
def running(settings: ServiceSettings, interviewer: Interviewer) -> Iterator[Path]:
    """The service, serving; it is cancelled at the end, and its own error is raised here."""
    nursery = shared_nursery()
    with in_thread(lambda on_ready: serve(settings, interviewer=interviewer, on_ready=on_ready, nursery=nursery)):
        yield settings.socket
