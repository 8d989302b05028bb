"""``make peers``: libvirt of several versions, each beside its own QEMU, asked for the same domains as prober.

``python -m tests.peers [--peer libvirt-12 …] [--all] [DOMAIN.xml | DIRECTORY …]``.  The domains are those of our
cases, unless files or directories are named.  The roots are those of ``make peer-roots``; one that is missing is left
out, and said.

The exit code is 1 where the sides differ and ``reasons.toml`` does not say why, or where it explains what was not seen
(judged where our own cases were asked); 2 where no libvirt could be asked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from prober.errors import ProberError
from tests.conftest import CHECKOUT
from tests.peers.ask import OUTCOMES, Run, ask_peer
from tests.peers.domains import find_domains
from tests.peers.reasons import Difference, read_reasons, unexplained, unused
from tools.roots import PEERS, find_root

REASONS = Path(__file__).with_name("reasons.toml")


def main() -> None:
    """Ask all, and print.

    :raise SystemExit: with 1 or 2, as above.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__)
    parser.add_argument("domains", nargs="*", type=Path, metavar="DOMAIN", help="files or directories (our cases)")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="only this one")
    parser.add_argument("--all", action="store_true", help="print what there is a reason for, too")
    told = parser.parse_args()
    domains = list(find_domains(told.domains or [CHECKOUT / "tests" / "cases"]))
    runs, without = _ask_all(told.peer or list(PEERS), domains)
    reasons = read_reasons(REASONS)
    found = [one for run in runs for one in run.found]
    left = unexplained(found, reasons)
    idle = [] if told.domains else unused(reasons, [run.peer for run in runs])
    lines = [*_table(runs), *(f"not asked: {why}" for why in without)]
    lines += ["", f"{len(found) - len(left)} differences have their reason, {len(left)} have none"]
    lines += _by_domain(found if told.all else left)
    if idle:
        lines += ["", "reasons for what is not seen:", *(f"  {reason}" for reason in idle)]
    sys.stdout.write("\n".join(lines) + "\n")
    raise SystemExit(2 if not runs else 1 if left or idle else 0)


def _ask_all(names: Iterable[str], domains: list[Path]) -> tuple[list[Run], list[str]]:
    """The runs, and why there are not more."""
    runs, without = [], []
    for name in names:
        root = find_root(name)
        if root is None:
            without.append(f"{name}: there is no such root (make peer-roots)")
            continue
        try:
            runs.append(ask_peer(root, domains))
        except (OSError, ProberError) as error:
            without.append(f"{name}: {error}")
    return runs, without


def _table(runs: list[Run]) -> Iterator[str]:
    for run in runs:
        counts = ", ".join(f"{run.counts[outcome]} {outcome}" for outcome in OUTCOMES)
        yield f"libvirt {run.peer}, QEMU {run.qemu}: {counts}"


def _by_domain(found: Iterable[Difference]) -> Iterator[str]:
    for (peer, domain), ones in groupby(found, key=lambda one: (one.peer, one.domain)):
        yield from ("", f"{domain} (libvirt {peer}):", *(f"  {one.kind}: {one}" for one in ones))


if __name__ == "__main__":
    main()
