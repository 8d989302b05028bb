"""Block drivers that live in modules: a running QEMU is asked whether it has each.  Pure.

``query-qmp-schema`` names drivers whose module is not installed as well.  ``drive_add`` of a driver and nothing else
loads the module, and fails for want of an address before anything is opened or connected to (5.2 to 11.1).  Where the
module is not there, QEMU answers ``Unknown driver 'rbd'``, and its packager's words stand before it (Debian 13:
``Unable to load module rbd. Perhaps you want to install …``).

In a recording these are exchanges like any other, as QEMU's own ``human-monitor-command`` has them::

    {"execute": "human-monitor-command", "arguments": {"command-line": "drive_add 0 if=none,driver=rbd"}}
    {"return": "Unknown driver 'rbd'\\r\\n"}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

#: The QMP command, and what it has the monitor do.
COMMAND: Final = "human-monitor-command"
ARGUMENT: Final = "command-line"
_LINE = "drive_add 0 if=none,driver="

#: The drivers that may live in a module (QEMU, ``block/meson.build``: ``block_modules``, and ``block.c``,
#: ``block_driver_modules``; 5.2 to 11.1), in the order in which they are asked for.  What dmg unpacks with lives in
#: modules too; the driver itself does not.
MODULE_DRIVERS: Final = (
    "ftp",
    "ftps",
    "gluster",
    "http",
    "https",
    "io_uring",
    "iscsi",
    "nfs",
    "nvme-io_uring",
    "rbd",
    "ssh",
    "virtio-blk-vfio-pci",
    "virtio-blk-vhost-user",
    "virtio-blk-vhost-vdpa",
)

#: How much is kept of what QEMU says of one.
_MOST_LETTERS = 400


def driver_line(written: str) -> str:
    """What the monitor is given to be asked for a driver; ``written`` is its name with each ``,`` doubled."""
    return f"{_LINE}{written}"


def asked_driver(arguments: Mapping[str, Any] | None) -> str | None:
    """The driver of :data:`MODULE_DRIVERS` that such a command asks for, None for any other command."""
    line = (arguments or {}).get(ARGUMENT)
    driver = line.removeprefix(_LINE) if isinstance(line, str) and line.startswith(_LINE) else None
    return driver if driver in MODULE_DRIVERS else None


def words_of_lack(driver: str, answer: object) -> str | None:
    """QEMU's words where it has not the driver, None where it has; the answer is not trusted to be a text."""
    if isinstance(answer, str) and f"Unknown driver '{driver}'" in answer:
        return " ".join(answer.split())[:_MOST_LETTERS]
    return None


def drivers_to_ask(commands: Collection[str], schema: Any) -> list[str]:
    """Those of the list that ``blockdev-add`` names, where the binary can be asked for them.

    ``schema`` is the reply to ``query-qmp-schema``; what has another form than QEMU gives it names none.  Before
    QEMU 2.9 ``blockdev-add`` takes its drivers in another place, and none is asked for.
    """
    if COMMAND not in commands or not isinstance(schema, list):
        return []
    entities = {str(entity.get("name")): entity for entity in schema if isinstance(entity, dict)}
    taken = entities.get(str(entities.get("blockdev-add", {}).get("arg-type")), {})
    variants = taken.get("variants")
    known = [item.get("case") for item in variants if isinstance(item, dict)] if isinstance(variants, list) else []
    return [driver for driver in MODULE_DRIVERS if driver in known]
