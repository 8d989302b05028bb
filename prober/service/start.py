"""Starting the service fast: of the half second that a start takes, nearly all is imports.

This module imports nothing heavy.  Python's cycle collector is off until the service is ready: while modules are
loaded it walks the growing heap again and again and frees next to nothing, for a fifth of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prober.capabilities.catalog import Catalog


def start_service(
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    on_ready: Callable[[Catalog], Awaitable[None]] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, with the settings of a TOML file and ``overrides`` over them.

    The two are as in :meth:`prober.service.settings.ServiceSettings.load`, ``on_ready`` as in
    :func:`prober.service.server.serve`.

    :raise ServiceError: where the settings are wrong or the socket cannot be had.
    """
    gc.disable()
    try:
        from prober.service.server import run
        from prober.service.settings import ServiceSettings

        run(ServiceSettings.load(file, overrides), on_ready=on_ready)
    finally:
        gc.enable()
