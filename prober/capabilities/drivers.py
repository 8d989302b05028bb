"""What a binary says of block drivers that may live in modules, and what that proves of one name. Pure.

The QAPI schema has each driver that QEMU was built with, as a module too.  Whether the module is installed is a fact of
its own: ``-blockdev rbd``.  It is *unknown* where it was never asked (recordings of libvirt, and older ones of ours),
and where what was said is no answer.  A driver that is never a module is there if the schema has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prober.capabilities.evidence import Evidence, Verdict
from prober.qemu.drivers import ARGUMENT, COMMAND, MODULE_DRIVERS, asked_driver, driver_line, words_of_lack
from prober.qemu.recording import Exchange

#: How the monitor says that it knows no such command (QEMU, ``monitor/hmp.c``, ``monitor_parse_command``).
_NO_COMMAND = "unknown command"


def read_drivers(exchanges: Iterable[Exchange]) -> dict[str, str]:
    """For each driver that was asked for: an empty text where it is there, else QEMU's words.

    ``exchanges`` are all of :data:`~prober.qemu.drivers.COMMAND`; what asks for no driver is passed over.

    :raise TypeError: where such a question was not answered with a text.
    """
    found: dict[str, str] = {}
    for exchange in exchanges:
        driver = asked_driver(exchange.arguments)
        if driver is None or driver in found or exchange.error is not None:
            continue
        if not isinstance(exchange.reply, str):
            raise TypeError(f"{COMMAND} was not answered with a text")
        if exchange.reply.strip() and not exchange.reply.startswith(_NO_COMMAND):
            found[driver] = words_of_lack(driver, exchange.reply) or ""
    return found


def find_driver(said: Mapping[str, str], by_schema: Evidence, driver: str) -> Evidence:
    """What is known of a block driver, by what was said of those that were asked for and by the schema."""
    fact = by_schema.fact
    if not by_schema.is_present or driver not in MODULE_DRIVERS:
        return by_schema
    if driver not in said:
        note = "whether the driver's module is installed was never asked"
        return Evidence(fact=fact, verdict=Verdict.unknown, note=note)
    words = said[driver]
    return Evidence(
        fact=fact,
        verdict=Verdict.absent if words else Verdict.present,
        note=f"the schema has {driver}, and the binary cannot load it" if words else f"the binary has {driver}",
        command=COMMAND,
        arguments={ARGUMENT: driver_line(driver)},
        error=words or None,
    )
