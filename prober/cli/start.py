"""The entry point of the ``prober`` command."""

from __future__ import annotations

import gc

#: So many more objects (with references to others) before the youngest are looked at.
_COLLECT_AFTER = 20_000


def start() -> None:
    """Run the command.

    What a start imports stays, so the collector need not walk it again and again, as it does at Python's own 700: that
    is a twentieth of a start.

    :raise SystemExit: always.
    """
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    # Imported late, so that the threshold holds for all that this imports.
    from prober.cli.main import main

    main()
