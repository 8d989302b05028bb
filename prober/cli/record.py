"""``prober record``: keep what a QEMU said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.interviewing import interview_now
from prober.cli.options import Accel, AccelOption, FewWords, Json, Root
from prober.errors import OutputError, RecordingError
from prober.qemu.files import write_recording
from prober.qemu.recording import Recording


def record_command(
    binary: Annotated[str, typer.Argument(metavar="BINARY", help="The QEMU binary.")],
    out: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file; one that ends in .xz is compressed. - writes to stdout."
        ),
    ],
    accel: AccelOption = Accel.auto,
    root: Root = None,
    quiet: FewWords = False,
    json: Json = False,
) -> None:
    """Every other command can be asked with the file (`--replies`) instead of the binary.

    Example: `prober record /usr/bin/qemu-system-x86_64 -o qemu.replies.xz`
    """
    output.hush(answer=quiet and str(out) != "-", words=quiet)
    run_record(binary, out, accel=accel.value, root=root, as_json=json)


def run_record(binary: str, out: Path, *, accel: str, root: Path | None, as_json: bool) -> None:
    """Interview, and write the file: whole, or not at all.  For ``-`` stdout has the recording, and stderr the summary.

    :raise QemuError: where the interview fails.
    :raise OutputError: where the file cannot be written.
    """
    interview = interview_now(binary, accel=accel, root=root)
    is_stdout = str(out) == "-"
    size = _print(interview.recording) if is_stdout else _write(out, interview.recording)
    exchanges = sum(len(part.exchanges) for part in interview.recording.parts)
    if as_json:
        told = {
            "binary": binary,
            "file": str(out),
            "bytes": size,
            "exchanges": exchanges,
            "seconds": interview.seconds,
            "crashes": len(interview.crashes),
        }
        if is_stdout:
            output.note(output.one_line_json(told))
        else:
            output.write_json(told)
    else:
        name = "<stdout>" if is_stdout else out
        text = f"{name}: {exchanges} answers of {binary} in {interview.seconds:.2f} s, {size / 1024:.0f} KiB"
        (output.note if is_stdout else output.write)(text)


def _write(out: Path, recording: Recording) -> int:
    """The bytes of the file; none for a pipe or a device, which has no size."""
    try:
        asyncio.run(write_recording(out, recording))
        return out.stat().st_size
    except OSError as error:
        raise OutputError(f"cannot look at {out}: {error.strerror}") from error
    except RecordingError as error:
        raise OutputError(error.message, hint=error.hint) from error


def _print(recording: Recording) -> int:
    text = recording.dumps()
    output.write(text.removesuffix("\n"))
    return len(text.encode())
