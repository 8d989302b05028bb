"""How instructions are executed: values of ``-accel``."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import as_number

_THREADS = ("single", "multi")
_IRQCHIPS = ("on", "off", "split")


def _accelerators(line: Line) -> Iterator[Fault]:
    is_chosen = False
    for option in line.keyval.get("-accel", ()):
        if not option.first:
            yield Fault(option.place, "accel", "-accel needs the name of an accelerator")
        # TCG always works, so nobody reads the values of what stands behind it.
        for item in () if is_chosen else option.pairs:
            message = _wrong(option.first, item.name, str(item.value))
            if message:
                yield Fault(item.place, item.name, message)
        is_chosen = is_chosen or option.first == "tcg"


def _wrong(accelerator: str, name: str, value: str) -> str:
    """What is wrong with a value, empty where nothing is."""
    match accelerator, name:
        case "tcg", "thread" if value not in _THREADS:
            return f"thread is one of {', '.join(_THREADS)}, not {value[:64]!r}"
        case "tcg", "tb-size":
            size = as_number(value)
            if size is None or not 0 <= size < 2**32:
                return f"tb-size is a number of MiB up to {2**32 - 1}, not {value[:64]!r}"
        case "kvm", "kernel-irqchip" if value not in _IRQCHIPS:
            return f"kernel-irqchip is one of {', '.join(_IRQCHIPS)}, not {value[:64]!r}"
    return ""


def _no_accelerator(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-machine", ()):
        for item in option.pairs:
            if item.name == "accel" and not str(item.value).strip(":") and not line.is_open:
                yield Fault(item.place, "accel", "accel of -machine names an accelerator")


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
        about=("accel",),
        wrong="-display none -machine pc,accel=",
        right="-display none -machine pc,accel=tcg",
    ),
)
