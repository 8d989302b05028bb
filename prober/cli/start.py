"""The entry point of the ``prober`` command."""

from __future__ import annotations

import gc
import os
import sys

#: So many more objects (with references to others) before the youngest are looked at: more than a start makes.
_COLLECT_AFTER = 100_000


def start() -> None:
    """Run the command.

    What a start imports stays until the end, so the collector need not walk it: not again and again, as it does at
    Python's own 700, and not at the very end, when the process goes and all of it with it.  Nor are plugins for
    pydantic looked for in all that is installed: none of them is to run in here.

    :raise SystemExit: always.
    """
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        _start()
    finally:
        gc.freeze()


def _start() -> None:
    # Imported late, so that the threshold holds for all that this imports.
    if how := os.environ.get("_PROBER_COMPLETE"):
        from prober.cli.completion.main import offer

        offer(how)
    if sys.argv[1:] in (["-h"], ["--help"]):
        from prober.cli.overview import show_overview
        from prober.cli.running import run_guarded

        run_guarded(show_overview)
        raise SystemExit
    if sys.argv[1:2] == ["supports"]:
        from prober.cli.supporting import read_plain_words

        plain = read_plain_words(sys.argv[2:])
        if plain is not None:
            from prober.cli.running import run_guarded

            run_guarded(plain.run)
    from prober.cli.main import main

    main()
