"""``make agreement``: sound lines spoilt by machine, and three verdicts on each, as a table by kind for each QEMU.

The judge is the bare QEMU, started here and not by prober: it takes a line where it answers on QMP with the guest
stopped.  Beside it stand ``prove --anyway``, which may be wrong on none, and ``check-argv``, which works without a QEMU
and cannot be right on all.  All cases in which one is not the judge's are listed in ``build/agreement-VERSION.txt``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.agreement.compare import Table, compare
from tests.agreement.places import installed, places

#: How many lines: of each QEMU, and in the short form that is run for each change.
MOST, FEW = 4000, 50


def main() -> None:
    """Print a table for each QEMU; the exit code is 1 where a proof was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with-roots", action="store_true", help="also the QEMUs that `make roots` has laid out")
    parser.add_argument("--short", action="store_true", help=f"{FEW} lines of each")
    parser.add_argument("--lines", type=int, metavar="N", help=f"this many lines of each (default: {MOST})")
    options = parser.parse_args()
    most = options.lines or (FEW if options.short else MOST)
    wrong = 0
    for place in places() if options.with_roots else [installed()]:
        table: Table = asyncio.run(compare(place, most))
        sys.stdout.write(table.text() + "\n\n")
        sys.stdout.flush()
        wrong += table.wrong_proofs
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
