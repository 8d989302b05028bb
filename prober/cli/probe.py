"""``prober probe``: interview binaries now, and say what each comes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.find import CatalogSettings, find_all
from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.interviewing import interview_now
from prober.cli.options import Accel, AccelOption, Json, Root
from prober.cli.summary import summarize
from prober.errors import ProberError, UsageError

_HEADERS = ("binary", "version", "target", "kvm", "types", "properties", "machines", "cpus", "crashing", "seconds")


def probe_command(
    binaries: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BINARY]...", help="QEMU binaries; without any, all that are found on this host."),
    ] = None,
    accel: AccelOption = Accel.auto,
    root: Root = None,
    json: Json = False,
) -> None:
    """Nothing is read from a cache or written to one. Exit code: 5 where a binary could not be interviewed; the others
    are printed all the same.

    Example: `prober probe /usr/bin/qemu-system-x86_64`
    """
    raise typer.Exit(run_probe(binaries or [], accel=accel.value, root=root, as_json=json))


def run_probe(binaries: Sequence[str], *, accel: str, root: Path | None, as_json: bool) -> ExitCode:
    """Interview each in turn; one that fails does not keep the others from being printed.

    :raise UsageError: where no binary is named and none is found.
    """
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for binary in binaries or _find():
        try:
            done.append(_probe(binary, accel=accel, root=root))
        except ProberError as error:
            output.complain(error.message, error.hint)
            failed.append({"binary": binary, "error": error.kind, "message": error.message, "hint": error.hint})
    if as_json:
        output.write_json({"binaries": done, "failed": failed})
    elif done:
        output.write_table(_HEADERS, map(_row, done))
        for line in _crashes(done):
            output.write(line)
    return ExitCode.failed if failed else ExitCode.ok


def _find() -> list[str]:
    settings = CatalogSettings()
    found = [item.path for item in find_all(settings)]
    if not found:
        places = ", ".join(map(str, settings.directories))
        raise UsageError(f"no qemu-system-* was found in {places}", hint="name a binary: prober probe BINARY")
    return found


def _probe(binary: str, *, accel: str, root: Path | None) -> dict[str, Any]:
    interview = interview_now(binary, accel=accel, root=root)
    summary = summarize(Capabilities.from_recording(interview.recording))
    return {"binary": binary, **summary, "seconds": interview.seconds, "timings": dict(interview.timings)}


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    return (
        one["binary"],
        output.dotted(one["version"]),
        one["target"],
        {True: "yes", False: "no", None: "?"}[one["kvm"]],
        one["types"],
        one["properties"],
        one["machines"],
        one["cpu_models"],
        len(one["crashing_types"]),
        f"{one['seconds']:.2f}",
    )


def _crashes(done: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        f"  {name} ({one['binary']}): {words}" for one in done for name, words in sorted(one["crashing_types"].items())
    ]
    return ["", "These types kill QEMU when they are asked for their properties:", *lines] if lines else []
