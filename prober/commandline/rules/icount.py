"""``-icount``: how the guest's instructions are its clock, and what that cannot be with."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line
from prober.commandline.options import Value
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule


def _merged(line: Line) -> tuple[dict[str, Value], Origin] | None:
    """What all ``-icount`` together say, as QEMU merges them, with the place of the last."""
    options = line.keyval.get("-icount", ())
    if not options or line.is_open:
        return None
    found: dict[str, Value] = {}
    for option in options:
        if option.first:
            found["shift"] = option.first
        found.update((item.name, item.value) for item in option.pairs)
    return found, options[-1].place


def _accelerators(line: Line) -> Iterator[Fault]:
    merged = _merged(line)
    if merged is None or "shift" not in merged[0]:
        return
    named = [(option.first, option) for option in line.keyval.get("-accel", ())]
    for name, option in named:
        if name == "tcg" and any(item.name == "thread" and item.value == "multi" for item in option.pairs):
            yield Fault(option.place, "thread", "thread=multi of -accel tcg cannot be with -icount", "thread=single is")
    words = {name for name, _ in named}
    old = line.value("-machine", "accel")
    if old is not None:
        words.update(word for word in str(old).split(":") if word)
    if "-enable-kvm" in line.plain:
        words = {"kvm"}
    if words == {"kvm"}:
        yield Fault(merged[1], "shift", "-icount is of TCG, and cannot be with KVM")


RULES = (
    Rule(
        "line/icount-accelerator",
        "`-icount` goes with TCG that has one thread",
        "accel/tcg/tcg-all.c, tcg_set_thread; softmmu/vl.c, do_configure_icount",
        _accelerators,
        about=("-icount",),
        wrong="-display none -accel tcg,thread=multi -icount shift=1",
        right="-display none -accel tcg,thread=single -icount shift=1",
    ),
)
