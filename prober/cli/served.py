"""The options that say what is served, and the settings that they give."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prober.cli.options import Accel

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        readable=False,  # What cannot be read is told with what to do about it, and not by the parser.
        help="Settings in TOML. [default: /etc/prober/prober.toml, if it is there; an ordinary user's own: "
        "$XDG_CONFIG_HOME/prober/prober.toml]",
    ),
]
Listen = Annotated[
    Path | None,
    typer.Option(
        "--socket",
        metavar="PATH",
        help="Listen on this unix socket. [default: /run/prober/prober.sock; an ordinary user's: "
        "$XDG_RUNTIME_DIR/prober/prober.sock]",
    ),
]
Group = Annotated[
    str | None, typer.Option("--group", metavar="NAME", help="The group whose members may use the socket.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep answers in this directory. [default: /var/cache/prober; an ordinary user's: $XDG_CACHE_HOME/prober]",
    ),
]
AdminGroup = Annotated[
    str | None,
    typer.Option("--admin-group", metavar="NAME", help="Its members may refresh, prove and rehearse, as root may."),
]
ProverSocket = Annotated[
    str | None,
    typer.Option(
        "--prover-socket",
        metavar="PATH",
        help="Where `prober serve-prover` proves lines; empty: this process does. "
        "[default: /run/prober-prover/prover.sock]",
    ),
]
AccelServed = Annotated[Accel | None, typer.Option("--accel", help="auto: with KVM where it can be had; tcg: without.")]


def settings_told(
    *,
    settings: Path | None = None,
    socket: Path | None = None,
    group: str | None = None,
    admin_group: str | None = None,
    prover_socket: str | Path | None = None,
    cache: Path | None = None,
    directory: list[Path] | None = None,
    binary: list[Path] | None = None,
    replies: list[Path] | None = None,
    fallback_replies: list[Path] | None = None,
    accel: Accel | None = None,
) -> dict[str, Any]:
    """What the options say, by the keys of :class:`~prober.service.settings.ServiceSettings`."""
    catalog: dict[str, object] = {
        "cache_dir": cache,
        "directories": directory or None,
        "paths": binary or None,
        "recordings": replies or None,
        "fallback_recordings": fallback_replies or None,
        "accel": accel and accel.value,
    }
    catalog = _given(catalog)
    if directory:
        catalog["qemu_kvm"] = None
    told: dict[str, object] = {
        "socket": socket,
        "group": group,
        "admin_group": admin_group,
        "prover_socket": prover_socket,
        "host": settings,
    }
    return {**_given(told), **({"catalog": catalog} if catalog else {})}


def _given(options: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}
