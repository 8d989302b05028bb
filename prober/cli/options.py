"""The options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from prober.qemu.bundled import as_path


class Accel(StrEnum):
    """What QEMU is asked with."""

    auto = "auto"
    tcg = "tcg"


class Form(StrEnum):
    """How what was found is written: for people, for programs, and for what CI systems read."""

    text = "text"
    json = "json"
    sarif = "sarif"
    junit = "junit"
    github = "github"


class Format(StrEnum):
    """How a command line is written."""

    shell = "shell"
    json = "json"


Assume = Annotated[
    bool,
    typer.Option(
        "--assume-unknown-present",
        help="Take for granted what the QEMU was never asked, for partial recordings.",
    ),
]


Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse what this command line would not do, which else is told as a note."),
]
IgnoreUnknown = Annotated[
    bool,
    typer.Option(
        "--ignore-unknown",
        help="Leave out the elements and attributes that are not understood; each is told as a note.",
    ),
]

MakeUp = Annotated[
    bool,
    typer.Option(
        "--make-up",
        help="Make up what libvirt would (UUID, genid, MAC addresses), always the same from --seed.",
    ),
]
Seed = Annotated[
    str | None,
    typer.Option("--seed", metavar="TEXT", help="What to make up from, with --make-up. [default: the domain's name]"),
]

StartsAt = Annotated[
    str | None,
    typer.Option(
        "--starts-at",
        metavar="MOMENT",
        help="When the guest starts, for a clock that goes on from where it was: seconds since 1970, or "
        "2026-11-30T12:00:00Z. [default: now, where the clock has an adjustment]",
    ),
]


def _answers(option: str, metavar: str, help: str, **more: Any) -> Any:
    """An option that says who answers.

    What may not be read is told by whoever reads it, with what to do about it, and not by the parser.
    """
    return typer.Option(option, metavar=metavar, help=help, rich_help_panel="Who answers", readable=False, **more)


Socket = Annotated[Path | None, _answers("--socket", "PATH", "The unix socket of a running service.")]
AgentStatusFile = Annotated[
    Path,
    typer.Option(
        "--agent-status", metavar="FILE", readable=False, help="Where the agent of a fleet says how it is, if it runs."
    ),
]
Binary = Annotated[
    str | None,
    _answers(
        "--binary",
        "QEMU",
        "A QEMU binary, asked here and now; together with --socket, the path or id of one that the service knows.",
    ),
]
Replies = Annotated[
    Path | None,
    _answers(
        "--replies",
        "FILE",
        "A recording of an interview, plain or .xz (`prober record` makes one), or one that comes along: `qemu-7.2`.",
        parser=as_path,
    ),
]


def _paths(option: str, metavar: str, help: str, **more: Any) -> Any:
    """An option that names files or directories, and may be given more than once."""
    return typer.Option(option, metavar=metavar, help=f"{help} Repeatable.", **more)


Recordings = Annotated[
    list[Path] | None,
    _paths(
        "--recordings",
        "PATH",
        "Look in this recording, or directory of them, too, for the versions that have it.",
        parser=as_path,
    ),
]
Directories = Annotated[
    list[Path] | None,
    _paths("--directory", "DIR", "Look for qemu-system-* here, and not where they usually are."),
]
Binaries = Annotated[list[Path] | None, _paths("--binary", "QEMU", "Serve this binary too, whatever its name.")]
Served = Annotated[
    list[Path] | None,
    _paths(
        "--replies",
        "PATH",
        "Serve this recording, or directory of them, too; `qemu-7.2`, or `bundled`: all that come along.",
        parser=as_path,
    ),
]
Fallbacks = Annotated[
    list[Path] | None,
    _paths(
        "--fallback-replies", "PATH", "Serve these where no QEMU is found; `bundled`: what comes along.", parser=as_path
    ),
]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="The host's settings in TOML: libvirt's qemu.conf, networks, pools. "
        "[default: /etc/prober/host.toml, if it is there]",
    ),
]
DomainFile = Annotated[str, typer.Argument(metavar="VM.xml", help="A libvirt domain; - reads it from stdin.")]
Fact = Annotated[
    str,
    typer.Argument(
        metavar="FACT",
        help="QEMU's own name: TYPE, TYPE.PROPERTY, COMMAND, COMMAND.MEMBER, -OPTION, -OPTION.KEY or '-display NAME' "
        "(-audiodev and -chardev alike).",
    ),
]
Facts = Annotated[
    list[str],
    typer.Argument(
        metavar="FACT...",
        help="QEMU's own names: TYPE, TYPE.PROPERTY, COMMAND, COMMAND.MEMBER, -OPTION, -OPTION.KEY or '-display NAME' "
        "(-audiodev and -chardev alike). - reads them from stdin, one a line.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing: the exit code is the answer.")]
FewWords = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the answer, and no word beside it but why there is none.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FormOption = Annotated[
    Form | None,
    typer.Option(
        "--format",
        metavar="FORM",
        help="text, json (as --json), or for CI: sarif (2.1.0), junit (XML), github (annotations). [default: text]",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Run QEMU in this other system's tree (takes bubblewrap, or root)."),
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Start what the check refuses, too.")]
Driven = Annotated[
    bool,
    typer.Option("--driven", help="Drive virtio devices and CPU hot-plug before, as a guest that runs has done."),
]
Prove = Annotated[
    bool, typer.Option("--prove", help="Start the QEMU with it too, confined and stopped: QEMU itself is the judge.")
]
Whole = Annotated[
    bool, typer.Option("--whole", help="Proven in part is not enough: exit code 4 where something was left out.")
]
AccelOption = Annotated[
    Accel,
    typer.Option("--accel", help="auto: with KVM where /dev/kvm can be opened, and with TCG; tcg: with TCG alone."),
]
