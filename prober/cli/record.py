"""``prober record``: keep what a QEMU said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.interviewing import interview_now
from prober.cli.options import Accel, AccelOption, Json, Root
from prober.qemu.files import write_recording


def record_command(
    binary: Annotated[str, typer.Argument(metavar="BINARY", help="The QEMU binary.")],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file; one that ends in .xz is compressed.")
    ],
    accel: AccelOption = Accel.auto,
    root: Root = None,
    json: Json = False,
) -> None:
    """Every other command can be asked with the file (`--replies`) instead of the binary.

    Example: `prober record /usr/bin/qemu-system-x86_64 -o qemu.replies.xz`
    """
    run_record(binary, out, accel=accel.value, root=root, as_json=json)


def run_record(binary: str, out: Path, *, accel: str, root: Path | None, as_json: bool) -> None:
    """Interview, and write the file: whole, or not at all.

    :raise QemuError: where the interview fails.
    :raise RecordingError: where the file cannot be written.
    """
    interview = interview_now(binary, accel=accel, root=root)
    asyncio.run(write_recording(out, interview.recording))
    size = out.stat().st_size
    exchanges = sum(len(part.exchanges) for part in interview.recording.parts)
    if as_json:
        output.write_json(
            {
                "binary": binary,
                "file": str(out),
                "bytes": size,
                "exchanges": exchanges,
                "seconds": interview.seconds,
                "crashes": len(interview.crashes),
            }
        )
    else:
        output.write(f"{out}: {exchanges} answers of {binary} in {interview.seconds:.2f} s, {size / 1024:.0f} KiB")
