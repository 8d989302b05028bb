"""QEMUs that are none: real processes that speak QMP, well or badly on purpose.

``make_fake`` writes an executable that behaves as one function of :mod:`tests.fakes.behaviours` says.  The
process that it becomes knows nothing of prober; what it answers comes from a table in a file.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from prober.qemu.recording import Recording, question_key

CHECKOUT = Path(__file__).parent.parent.parent

#: An interpreter that every user can start, and that a box shows: that of an environment may be in somebody's home.
EVERYBODYS_PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or os.path.realpath(sys.executable)

_NO_HELP = "qemu: Help is not available for this option"

#: The head of a file that is a shell script to the shell and a text before the program to Python; what the shell adds
#: to the environment goes again.
_BY_SHELL = f"""#!/bin/sh
''':'
for last; do :; done
[ "$last" = help ] && {{ echo "{_NO_HELP}" >&2; exit 1; }}
unset PWD OLDPWD last
exec {{python}} -S "$0" "$@"
'''
"""

#: Replies by question (see ``question_key``): the body of each, ``{"return": …}`` or ``{"error": …}``.
Answers = dict[str, dict[str, Any]]


def make_fake(
    directory: Path,
    behaviour: str,
    answers: Answers | None = None,
    *,
    helps: str = "",
    by_shell: bool = True,
    **options: Any,
) -> Path:
    """An executable in ``directory`` that behaves like this; ``options`` are the behaviour's own.

    Given ``help`` as its last word it behaves like ``helps``, and says that it has none where that is empty.  Each
    interview starts it four times for that, so a shell says it (``by_shell``), before there is a Python.
    """
    table = directory / f"{behaviour}.answers.json"
    table.write_text(json.dumps(small_answers() if answers is None else answers))
    program = directory / f"qemu-{behaviour}"
    program.write_text(
        (_BY_SHELL if by_shell and not helps else "#!{python} -S\n").replace("{python}", sys.executable)
        + "import sys\n"
        f"helps = {helps!r} if sys.argv[-1:] == ['help'] else None\n"
        "if helps == '':\n"
        f"    sys.exit({_NO_HELP!r})\n"
        f"sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from tests.fakes import behaviours\n"
        f"behaviours.run(helps or {behaviour!r}, {str(table)!r}, {{}} if helps else {options!r})\n"
    )
    program.chmod(0o755)
    return program


def answers_of(recording: Recording, part: int = 0) -> Answers:
    """What a recorded QEMU answered, for a fake that replays it."""
    answers: Answers = {}
    for exchange in recording.parts[part].exchanges:
        if exchange.error is not None:
            body: dict[str, Any] = {"error": {"class": exchange.error.cls, "desc": exchange.error.desc}}
        else:
            body = {"return": exchange.reply}
        answers.setdefault(question_key(exchange.command, exchange.arguments), body)
    return answers


#: The types of the small QEMU, with their parents.
SMALL_TYPES = {
    "PIIX4_PM": "pci-device",
    "e1000": "pci-device",
    "isapc-machine": "pc-machine",
    "max-x86_64-cpu": "x86_64-cpu",
    "pentium-x86_64-cpu": "x86_64-cpu",
    "qemu64-x86_64-cpu": "x86_64-cpu",
    "rng-random": "rng-backend",
    "virtio-net-pci": "pci-device",
    "zeta": "object",
}

#: What the small QEMU is asked for properties, in the order of a recording.
SMALL_ASKED = [
    "PIIX4_PM", "ICH9-LPC", "e1000", "isapc-machine", "rng-random", "virtio-net-pci", "zeta",
    "max-x86_64-cpu", "pentium-x86_64-cpu",
]  # fmt: skip


def small_answers(*, kvm: bool = False) -> Answers:
    """A QEMU with nine types, enough for whole interviews that take no time."""
    listed = [{"name": name, "parent": parent} for name, parent in SMALL_TYPES.items()]
    returns: dict[str, Any] = {
        "query-version": {"qemu": {"major": 9, "minor": 8, "micro": 7}, "package": "fake"},
        "query-target": {"arch": "x86_64"},
        "query-kvm": {"enabled": kvm, "present": True},
        "query-qmp-schema": [{"name": "quit", "meta-type": "command", "arg-type": "0", "ret-type": "0"}],
        "query-machines": [{"name": "pc", "cpu-max": 255, "hotpluggable-cpus": True}],
        "query-cpu-definitions": [{"name": "max", "typename": "max-x86_64-cpu"}],
        "query-command-line-options": [{"option": "name", "parameters": [{"name": "guest", "type": "string"}]}],
        "qom-list-types": listed,
        'qom-list-types {"abstract":true}': [*listed, {"name": "object"}],
    }
    model = {"name": "host" if kvm else "max"}
    asked: tuple[dict[str, Any], ...] = (
        {"type": "static", "model": model},
        {"type": "static", "model": {**model, "props": {"migratable": False}}},
        {"type": "full", "model": {**model, "props": {"migratable": False, "hv-passthrough": True}}},
    )
    for arguments in asked:
        returns[question_key("query-cpu-model-expansion", arguments)] = {"model": {"name": "base", "props": {}}}
    answers: Answers = {key: {"return": value} for key, value in returns.items()}
    for typename in SMALL_TYPES:
        key = question_key("qom-list-properties", {"typename": typename})
        answers[key] = {"return": [{"name": "type", "type": "string"}, {"name": typename, "type": "bool"}]}
    commands = sorted({key.split(" ")[0] for key in answers} | {"query-commands"})
    answers["query-commands"] = {"return": [{"name": command} for command in commands]}
    return answers
