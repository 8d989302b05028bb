"""What the service is told: from ``/etc/prober/prober.toml``, and what the command line puts over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from prober.capabilities.find import CatalogSettings
from prober.errors import ServiceError

DEFAULT_FILE = Path("/etc/prober/prober.toml")
DEFAULT_SOCKET = Path("/run/prober/prober.sock")
DEFAULT_PROVER_SOCKET = Path("/run/prober-prover/prover.sock")


class ServiceSettings(BaseModel):
    """All settings of the service.  Times are seconds, sizes are bytes.

    ``host`` is the file with the host's settings (:mod:`prober.host.files`).  ``socket`` gets ``mode`` and,
    where it is given, ``group`` (a name); under socket activation systemd has made it.
    Members of ``admin_group`` (a name; empty: nobody) may do what root and the service's own user may.
    ``max_body`` bounds a request's body (413), ``max_head`` its request line and headers (431),
    ``max_connections`` how many connections there are at once: one more takes the place of the one that is idle for
    the longest time, or is refused where none is (503); the soft limit of file descriptors is raised to fit.
    ``request_s`` is the time to send a whole request, ``idle_s`` between two of them, ``response_s`` the time that a
    client may leave a response unread.

    Lines are proven by the prover that listens on ``prover_socket``; where that is empty, in the service's own process.
    A prover that systemd started ends when nobody asked it for ``prover_idle_s``.  ``max_proofs`` QEMUs run at once
    (0: as many as there are processors, and two at least), ``max_waiting_proofs`` questions wait for their turn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    socket: Path = DEFAULT_SOCKET
    host: Path | None = None
    group: str | None = None
    admin_group: str | None = None
    mode: int = Field(default=0o660, ge=0, le=0o777)
    max_body: int = Field(default=1 << 20, gt=0)
    max_head: int = Field(default=16384, ge=512)
    max_connections: int = Field(default=2048, gt=0)
    request_s: float = Field(default=10.0, gt=0)
    idle_s: float = Field(default=30.0, gt=0)
    response_s: float = Field(default=30.0, gt=0)
    prover_socket: Path | None = DEFAULT_PROVER_SOCKET
    prover_idle_s: float = Field(default=120.0, gt=0)
    max_proofs: int = Field(default=0, ge=0)
    max_waiting_proofs: int = Field(default=64, ge=0)
    catalog: CatalogSettings = CatalogSettings(cache_dir=Path("/var/cache/prober"))

    @field_validator("admin_group", "prover_socket", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """TOML has no word for nothing."""
        return None if value == "" else value

    @classmethod
    def load(cls, file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Self:
        """Read a TOML file and put ``overrides`` over it (``catalog`` key by key).

        Without ``file`` it is :data:`DEFAULT_FILE`, which need not exist.

        :raise ServiceError: where the file cannot be read, or says something that is not understood.
        """
        try:
            told = _read(file)
        except (OSError, ValueError) as error:
            raise ServiceError(f"cannot read the settings in {file or DEFAULT_FILE}: {error}") from error
        overrides = dict(overrides or {})
        catalog = {"cache_dir": "/var/cache/prober", **told.get("catalog", {}), **overrides.pop("catalog", {})}
        try:
            return cls.model_validate({**told, **overrides, "catalog": catalog})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ServiceError(f"the settings are wrong: {where}: {first['msg']}") from error


def _read(file: Path | None) -> dict[str, Any]:
    if file is None and not DEFAULT_FILE.exists():
        return {}
    told = tomllib.loads((file or DEFAULT_FILE).read_text(encoding="utf-8"))
    if not isinstance(told.get("catalog", {}), dict):
        raise ValueError("catalog is not a table")
    return told
