"""What names something that is left out is left out as well: a device its netdev, a disk its bus."""

from __future__ import annotations

from collections.abc import Iterator

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members

#: Options that are nothing without what they name.
_WHOLE = frozenset(
    (
        "-blockdev", "-chardev", "-device", "-drive", "-fsdev", "-fw_cfg", "-mon", "-net", "-netdev", "-nic", "-numa",
        "-object", "-set", "-tpmdev",
    )
)  # fmt: skip

#: Members that name nothing: a text of the line's own that may read like an id.
_TEXTS = frozenset(("id", "node-name", "serial", "model", "guest", "filename", "path", "name", "data", "string"))


#: Members without which an option is something still.
_PARTS = frozenset(("pr-manager", "confidential-guest-support"))


def cascade(bench: Bench) -> None:
    """Leave out all that names what is gone, until nothing more does."""
    before = 0
    while before != len(bench.gone):
        before = len(bench.gone)
        for given in bench.line:
            if not given.is_left_out:
                _follow(given, bench)


def _follow(given: Given, bench: Bench) -> None:
    if given.flag == "-set":
        # GROUP.ID.KEY=VALUE
        ident = (given.value or "").partition("=")[0].partition(".")[2].rpartition(".")[0]
        if ident in bench.gone:
            bench.leave_out(given, f"it changes {ident}, which is left out")
        return
    for members, name, ident in _naming(given, bench.gone):
        if given.flag in _WHOLE and name not in _PARTS:
            bench.leave_out(given, f"it needs {ident}, which is left out")
            return
        members.drop(name)
        bench.leave_out(given, f"it names {ident}, which is left out", part=name)


def _naming(given: Given, gone: set[str]) -> Iterator[tuple[Members, str, str]]:
    """The members that name something which is gone."""
    if given.members is None:
        return
    for members in list(given.members.walk()):
        for name in members.names():
            value = members.get(name)
            if isinstance(value, str) and name not in _TEXTS:
                # A device's bus is called after it, with a number: scsi0.0.
                ident = value if value in gone else value.rpartition(".")[0]
                if ident in gone:
                    yield members, name, ident
