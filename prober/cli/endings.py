"""With which exit codes each command ends, and what each means: for the page of the command, and for its help.

What all have in common stands in :data:`COMMON`.  A command whose answer is more than done has its own words.
"""

from __future__ import annotations

from collections.abc import Mapping

from prober.cli.exits import ExitCode

#: Of every command.
COMMON: Mapping[int, str] = {
    ExitCode.ok: "done",
    ExitCode.usage: "wrong usage, or input that cannot be read",
    ExitCode.failed: "QEMU, the service or the host failed, or the answer cannot be written",
    ExitCode.interrupted: "interrupted (Ctrl-C)",
    ExitCode.broken_pipe: "the reader of the answer went away",
}

_BY_SIGNAL = "ended by SIGTERM or SIGINT, as it should be"
_PROVEN = {3: "refused, by the check or by QEMU", 4: "not provable; with `--whole`, proven in part"}
_REHEARSED = {
    0: "rehearsed, whole or in part",
    3: "refused, by the check or by QEMU",
    4: "not provable; with `--whole`, rehearsed in part",
}
_OF_HOSTS = {0: "some can", 3: "none can", 4: "none can, and of some it is not known"}

#: What a command has besides, by its name; ``fleet`` stands before the questions to a fleet.
ENDINGS: Mapping[str, Mapping[int, str]] = {
    "serve": {0: _BY_SIGNAL, 5: "the settings are wrong, or the socket cannot be had"},
    "serve-prover": {0: _BY_SIGNAL, 5: "the settings are wrong, or the socket cannot be had"},
    "agent": {0: _BY_SIGNAL, 5: "the store refuses the host, or cannot be opened"},
    "config": {0: "all is well", 2: "a file cannot be read", 3: "a setting is not known, or has a wrong value"},
    "doctor": {0: "nothing is to be done", 1: "something is to be done"},
    "metrics": {},
    "probe": {5: "a binary could not be interviewed; the others are printed"},
    "record": {5: "the interview failed, or the file cannot be written"},
    "show": {},
    "explain": {0: "told, whether the QEMU has it or not"},
    "why": {0: "something was explained", 2: "nothing was said, or it cannot be read", 4: "nothing is known of it"},
    "diff": {0: "told, whether anything differs or not", 3: "with `--for`: B refuses the domain"},
    "domcapabilities": {},
    "labels": {},
    "supports": {0: "present, all of them", 1: "one is absent", 4: "none is absent, and one is unknown"},
    "watch": {0: "`--count` changes were told", 5: "the service did not come back"},
    "translate": {
        0: "translated; with `--prove`, proven",
        **_PROVEN,
        3: "the domain is refused, or QEMU refuses the line",
    },
    "check-argv": {0: "nothing stands against it", 3: "something is an error, or would be ignored"},
    "prove": {0: "proven, whole or in part", **_PROVEN},
    "plug": {
        0: "rehearsed, whole or in part",
        3: "refused, by QEMU or by the check, or QEMU died of it",
        4: "not provable; with `--whole`, rehearsed in part",
    },
    "migrate": _REHEARSED,
    "upgrade": {
        0: "all start and migrate both ways",
        2: "a domain cannot be read",
        3: "one does not start, or not migrate",
        4: "of one nothing can be said",
    },
    "state": {},
    "state save": {0: "kept", 3: "refused, by the check or by QEMU, or it is too large", 4: "not provable"},
    "state load": {**_REHEARSED, 2: "as above, or there is no such file", 3: "refused, or the file is damaged"},
    "preflight": {
        0: "all is as the domain needs it",
        3: "something is wrong, or the domain is refused",
        4: "something could not be told, and nothing is wrong",
    },
    "check": {
        0: "all accept all",
        2: "an XML or a recording cannot be read; the others are told of",
        3: "one is refused",
        4: "none is refused, and one could not be proven",
        5: "a QEMU could not be asked; the others are told of",
    },
    "report": {
        0: "written, whatever the domains come to",
        2: "an XML or a recording cannot be read; the others are in it",
        5: "a QEMU could not be asked; the others are in it",
    },
    "ui": {0: _BY_SIGNAL, 2: "a domain cannot be read", 5: "there is no service, or the port cannot be had"},
    "fleet": {2: "no question was named"},
    "fleet init": {},
    "fleet key": {},
    "fleet import": {},
    "fleet can": _OF_HOSTS,
    "fleet why": {0: "the host can", 3: "it cannot", 4: "it is not known"},
    "fleet targets": _OF_HOSTS,
    "fleet upgrade": {0: "no domain breaks", 3: "one breaks", 4: "none breaks, and of one it is not known"},
    "fleet baseline": {0: "told", 3: "no host has a QEMU for the target"},
    "fleet supports": {0: "some hosts have it", 1: "none has it", 4: "none has it, and of some it is not known"},
    "fleet drift": {0: "all have the same", 1: "some differ"},
    "fleet hosts": {},
    "fleet builds": {},
    "fleet watch": {5: "the reader went away"},
    "fleet serve": {0: _BY_SIGNAL, 5: "the store cannot be opened, or the socket cannot be had"},
}
