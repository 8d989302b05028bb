"""How instructions are executed: values of ``-accel`` and ``-icount``."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import as_number

_THREADS = ("single", "multi")
_IRQCHIPS = ("on", "off", "split")
_ANSWERS = ("record", "replay", "off")

#: The largest ``shift`` (``accel/tcg/icount-common.c``, ``MAX_ICOUNT_SHIFT``).
_MOST_SHIFT = 10


def _accelerators(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-accel", ()):
        if not option.first:
            yield Fault(option.place, "accel", "-accel needs the name of an accelerator")
        for item in option.pairs:
            value = str(item.value)
            if option.first == "tcg" and item.name == "thread" and value not in _THREADS:
                yield Fault(item.place, "thread", f"thread is one of {', '.join(_THREADS)}, not {value[:64]!r}")
            elif option.first == "tcg" and item.name == "tb-size":
                size = as_number(value)
                if size is None or not 0 <= size < 2**32:
                    yield Fault(
                        item.place, "tb-size", f"tb-size is a number of MiB up to {2**32 - 1}, not {value[:64]!r}"
                    )
            elif option.first == "kvm" and item.name == "kernel-irqchip" and value not in _IRQCHIPS:
                yield Fault(
                    item.place, "kernel-irqchip", f"kernel-irqchip is one of {', '.join(_IRQCHIPS)}, not {value[:64]!r}"
                )


def _no_accelerator(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-machine", ()):
        for item in option.pairs:
            if item.name == "accel" and not str(item.value).strip(":") and not line.is_open:
                yield Fault(item.place, "accel", "accel of -machine names an accelerator")


def _counts(line: Line) -> Iterator[Fault]:
    options = line.keyval.get("-icount", [])
    if not options or line.is_open:
        return
    option, keys = options[-1], {key: str(value) for key, value in line.merged("-icount").items()}
    shift = next((one.first for one in reversed(options) if one.first), keys.get("shift"))
    if shift is None:
        if "align" in keys:
            yield Fault(option.place, "align", "-icount with align needs shift")
    elif shift != "auto" and as_number(shift) not in range(_MOST_SHIFT + 1):
        yield Fault(option.place, "shift", f"shift of -icount is auto, or from 0 to {_MOST_SHIFT}, not {shift[:64]!r}")
    elif switch(keys.get("align")) is True and switch(keys.get("sleep")) is False:
        yield Fault(option.place, "align", "-icount with align=on goes without sleep=off")
    answer = keys.get("rr")
    if answer is not None and answer not in _ANSWERS:
        yield Fault(option.place, "rr", f"rr of -icount is one of record and replay, not {answer[:64]!r}")
    elif answer in ("record", "replay") and "rrfile" not in keys:
        yield Fault(option.place, "rrfile", f"-icount with rr={answer} needs rrfile")


RULES = (
    Rule(
        "line/accel-values",
        "values of `-accel` are some that it has",
        "accel/tcg/tcg-all.c, tcg_set_thread and tcg_set_tb_size; accel/kvm/kvm-all.c, kvm_set_kernel_irqchip",
        _accelerators,
        about=("-accel",),
        wrong="-display none -machine pc -accel tcg,thread=many",
        right="-display none -machine pc -accel tcg,thread=single,tb-size=64",
    ),
    Rule(
        "line/machine-accel",
        "`accel` of `-machine` is not empty",
        "softmmu/vl.c, configure_accelerators",
        _no_accelerator,
        about=("-machine",),
        wrong="-display none -machine pc,accel=",
        right="-display none -machine pc,accel=tcg",
    ),
    Rule(
        "line/icount-values",
        "`shift` of `-icount` is from 0 to 10 or `auto`, and what else it says goes with it",
        "accel/tcg/icount-common.c, icount_configure; replay/replay.c, replay_configure",
        _counts,
        about=("-icount",),
        wrong="-display none -machine pc -icount shift=11",
        right="-display none -machine pc -icount shift=10,sleep=off",
    ),
)
