"""What the service is told, as values.  :mod:`prober.service.configuration` reads them from where they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from prober.capabilities.find import CatalogSettings, empty_is_none, name_a_file

DEFAULT_FILE = Path("/etc/prober/prober.toml")
DEFAULT_SOCKET = Path("/run/prober/prober.sock")
DEFAULT_PROVER_SOCKET = Path("/run/prober-prover/prover.sock")
DEFAULT_CACHE = Path("/var/cache/prober")

#: The variable of the environment for ``catalog.poll_s`` is ``PROBER_CATALOG__POLL_S``.
PREFIX, DELIMITER = "PROBER_", "__"


#: The type of the error that says which settings are lacking beside another one.
LACKING = "lacking"

#: The longest name of a client (characters).
_MOST_NAME = 255


class FleetSettings(BaseModel):
    """What `prober fleet serve` is told of its clients over TCP.  It speaks TLS there and nothing else, and asks each
    client for a certificate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Where a reader listens besides its socket: `ADDRESS:PORT` (`0.0.0.0:8643`, `[::]:8643`); empty: nowhere.
    listen: str | None = None
    #: The file with its own certificate, and those between that and an authority (PEM).
    cert: Path | None = None
    #: The file with the certificate's key, which nobody but its user may read; without it the key stands in `cert`.
    key: Path | None = None
    #: The file with the authorities (PEM) of which one has to have signed a client's certificate.
    ca: Path | None = None
    #: The names of clients who may ask: one of the names in the certificate, which are its `subjectAltName` of the
    #: kinds DNS and URI, or its common name where it has neither. Whoever has another name gets nothing.
    allow: tuple[str, ...] = ()

    _names_a_file = field_validator("*", mode="after")(name_a_file)

    _empty_is_none = field_validator("listen", "cert", "key", "ca", mode="before")(empty_is_none)

    @field_validator("listen", mode="after")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            split_address(value)
        return value

    @field_validator("allow", mode="after")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """No name of a client has a star: one certificate for many would be many clients with one name."""
        for name in value:
            if not 0 < len(name) <= _MOST_NAME or not name.isprintable() or "*" in name:
                raise PydanticCustomError("name", "it has to be the name of one client")
        return value

    @model_validator(mode="after")
    def _has_all(self) -> Self:
        lacking = [name for name in ("cert", "ca", "allow") if not getattr(self, name)]
        if self.listen is not None and lacking:
            raise PydanticCustomError(LACKING, f"listen is given without {' and '.join(lacking)}")
        return self


def split_address(told: str) -> tuple[str, int]:
    """Address and port of ``ADDRESS:PORT``; an address of IPv6 stands in brackets.

    :raise PydanticCustomError: where it is none.
    """
    host, _, port = told.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 1 << 16):
        raise PydanticCustomError("address", "it has to be ADDRESS:PORT")
    return host, int(port)


class ServiceSettings(BaseModel):
    """All settings of the service.  Times are seconds, sizes are bytes.

    A name that is empty is none at all, as TOML and the environment have no word for nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: The unix socket that the service listens on.  Under socket activation systemd has made it, see `prober.socket`.
    socket: Path = DEFAULT_SOCKET
    #: The file with libvirt's settings, networks and pools; without it `/etc/prober/host.toml`, if it is there.
    host: Path | None = None
    #: The group of the socket (a name), whose members may ask; without it that of the service's user.
    group: str | None = None
    #: A group (a name) whose members may refresh, prove and rehearse, as root and the service's own user may.
    admin_group: str | None = None
    #: The rights of the socket.  As text they are octal (`"0660"`).
    mode: int = Field(default=0o660, ge=0, le=0o777)
    #: How large the body of a request may be (413).
    max_body: int = Field(default=1 << 20, gt=0)
    #: How large the request line and headers may be (431).
    max_head: int = Field(default=16384, ge=512)
    #: How many connections there are at once. One more takes the place of the one that is idle for the longest time,
    #: or is refused where none is (503). The soft limit of file descriptors is raised to fit.
    max_connections: int = Field(default=2048, gt=0)
    #: The time to send a whole request.
    request_s: float = Field(default=10.0, gt=0)
    #: The time between two requests of one client.
    idle_s: float = Field(default=30.0, gt=0)
    #: The time that a client may leave a response unread.
    response_s: float = Field(default=30.0, gt=0)
    #: How many processes translate domains and check argvs.
    workers: int = Field(default=2, ge=1, le=64)
    #: How long one of these may take, and how long a question waits for one (503).
    work_s: float = Field(default=10.0, gt=0)
    #: How much memory it may take for a question, besides what it has from the start.
    work_memory: int = Field(default=192 << 20, ge=16 << 20, le=1 << 40)
    #: How many questions wait for one of these (503).
    max_waiting_work: int = Field(default=64, ge=0)
    #: Whether each request is logged.
    log_requests: bool = False
    #: Where the prover listens, which proves lines; empty: the service's own process proves them.
    prover_socket: Path | None = DEFAULT_PROVER_SOCKET
    #: After so long without a question a prover that systemd started ends.
    prover_idle_s: float = Field(default=120.0, gt=0)
    #: How many lines are proven or guests rehearsed at once; 0: as many as there are processors, and two at least.
    max_proofs: int = Field(default=0, ge=0)
    #: How many questions wait for their turn to be proven or rehearsed (503).
    max_waiting_proofs: int = Field(default=64, ge=0)
    catalog: CatalogSettings = CatalogSettings(cache_dir=DEFAULT_CACHE)
    fleet: FleetSettings = FleetSettings()

    _names_a_file = field_validator("*", mode="after")(name_a_file)

    @field_validator("socket", mode="before")
    @classmethod
    def _socket_is_named(cls, value: object) -> object:
        """An empty path is the directory that the service was started in."""
        if value == "":
            raise PydanticCustomError("no_socket", "it has to name a file")
        return value

    _empty_is_none = field_validator("host", "group", "admin_group", "prover_socket", mode="before")(empty_is_none)

    @field_validator("mode", mode="before")
    @classmethod
    def _text_is_octal(cls, value: object) -> object:
        """As ``chmod`` reads it; what is no such number is for the validation to refuse."""
        try:
            return int(value, 8) if isinstance(value, str) else value
        except ValueError:
            return value
