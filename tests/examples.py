"""The two command lines of each rule, as they are run: what a line stands for in braces, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prober.commandline.parse import split_shell
from prober.commandline.rules.rule import Rule, Version

#: How large the file ``disk`` is, in bytes.
_DISK = 1 << 20

#: QEMUs at hand that lack what a rule is about, from which version on, and why: its lines say nothing there.
LACKING: dict[str, tuple[Version, str]] = {
    "line/qxl-vga": ((10, 0, 0), "qxl is a module in a package of its own, which is not installed"),
    "line/display-dbus": ((10, 0, 0), "D-Bus is a module in a package of its own, which is not installed"),
    "line/spiceport": ((10, 0, 0), "spice is a module in a package of its own, which is not installed"),
}

#: Rules whose lines no QEMU is started with, and why: the check alone is held against them.
CHECKED_ALONE: dict[str, str] = {
    "line/vhost-card": "QEMU waits for the other process, which is not there, before it makes the card",
    "line/shared-memory": "QEMU waits for the other process, which is not there; it says something when a guest runs",
}


def is_judged(rule: Rule, version: Version) -> bool:
    """Whether QEMU of this version is one that the rule's lines say something of."""
    lacking = LACKING.get(rule.name)
    return rule.holds_for(version) and (lacking is None or version < lacking[0])


def words_of(line: str, directory: str) -> tuple[str, ...]:
    """An example as words without the binary; ``directory`` is what ``{dir}`` stands for."""
    return tuple(split_shell(line.replace("{dir}", directory)))


@contextmanager
def directory_in(root: Path | None) -> Iterator[str]:
    """A directory for one example to work with, by its path inside of a root directory."""
    top = Path("/") if root is None else root
    with TemporaryDirectory(dir=top / "tmp") as made:
        with (Path(made) / "disk").open("wb") as disk:
            disk.truncate(_DISK)
        yield f"/{Path(made).relative_to(top)}"
