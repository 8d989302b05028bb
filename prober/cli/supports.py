"""``prober supports``: facts, and on what grounds."""

from __future__ import annotations

import typer

from prober.cli import output
from prober.cli.choosing import choose
from prober.cli.options import Binary, Facts, Json, Quiet, Replies, Socket
from prober.cli.supporting import run_supports


def supports_command(
    facts: Facts,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Exit code: 0 present, 1 absent, 4 unknown (it was never asked, or asking killed QEMU). Of several facts: 1 where
    one is absent, else 4 where one is unknown, else 0; `--json` prints a list then.

    Example: `prober supports --binary /usr/bin/qemu-system-x86_64 PIIX4_PM.acpi-root-pci-hotplug`

    An option begins with a dash, so write `--` before it: `prober supports -- -overcommit.mem-lock`
    """
    output.hush(answer=quiet, words=quiet)
    raise typer.Exit(run_supports(choose(socket, binary, replies), facts, as_json=json))
