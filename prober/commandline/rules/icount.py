"""``-icount``: how the guest's instructions are its clock, and what that cannot be with."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.text import as_number

#: ``accel/tcg/icount-common.c`` (before 9.0 ``softmmu/icount.c``), ``MAX_ICOUNT_SHIFT``.
_MOST_SHIFT = 10


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


def _values(line: Line) -> Iterator[Fault]:
    merged = _merged(line)
    if merged is None:
        return
    values, place = merged
    shift = values.get("shift")
    if shift is None:
        if "align" in values:
            yield Fault(place, "shift", "-icount with align needs shift")
    elif shift != "auto":
        number = as_number(str(shift))
        if number is None or not 0 <= number <= _MOST_SHIFT:
            yield Fault(place, "shift", f"-icount shift is auto or from 0 to {_MOST_SHIFT}, not {str(shift)[:64]!r}")
    if shift is not None and switch(values.get("align")) is True and switch(values.get("sleep")) is False:
        yield Fault(place, "align", "-icount has align=on or sleep=off, not both")


def _replay(line: Line) -> Iterator[Fault]:
    merged = _merged(line)
    if merged is None or "rr" not in merged[0]:
        return
    values, place = merged
    if values["rr"] not in ("record", "replay"):
        yield Fault(place, "rr", f"-icount rr is record or replay, not {str(values['rr'])[:64]!r}")
    elif "rrfile" not in values:
        yield Fault(place, "rrfile", f"-icount rr={values['rr']} needs rrfile")
    elif "shift" not in values:
        yield Fault(place, "shift", f"-icount rr={values['rr']} needs shift")


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
        "line/icount",
        "`shift` of `-icount` is `auto` or from 0 to 10, and `align` goes with it",
        "softmmu/icount.c, icount_configure (5.2: softmmu/cpus.c, configure_icount)",
        _values,
        about=("-icount",),
        wrong="-display none -icount shift=11",
        right="-display none -icount shift=10",
    ),
    Rule(
        "line/icount-replay",
        "`rr` of `-icount` is `record` or `replay`, with an `rrfile`",
        "replay/replay.c, replay_configure",
        _replay,
        about=("-icount",),
        wrong="-display none -icount shift=1,rr=record",
        right="-display none -icount shift=1",
    ),
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
