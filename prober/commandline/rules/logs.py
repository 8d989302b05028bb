"""What ``-d``, ``-dfilter`` and ``-trace`` take."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities.facts import did_you_mean, nearest
from prober.commandline.line import Line
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.texts.logs import LOG_ITEMS, wrong_item, wrong_range


def _items(line: Line) -> Iterator[Fault]:
    # Plugins are there where ``-plugin`` is; where nobody was asked they may be.
    options = line.caps.options
    has_plugins = options is None or "plugin" in options
    for option in line.plain.get("-d", ()):
        item = wrong_item(option.value or "", line.caps.version.numbers, has_plugins=has_plugins)
        if item is not None:
            known = [name for name, since in LOG_ITEMS.items() if line.caps.version.numbers >= since and name != item]
            hint = did_you_mean(nearest(item[:64], known)) if item else ""
            yield Fault(option.place, "", f"QEMU {line.caps.version} has no item {item[:64]!r} of the log", hint)


def _ranges(line: Line) -> Iterator[Fault]:
    for option in line.plain.get("-dfilter", ()):
        found = wrong_range(option.value or "")
        if found is not None:
            yield Fault(option.place, "", f"a range of addresses {found[1]}, not {found[0][:64]!r}")


def _threads(line: Line) -> Iterator[Fault]:
    wanted = [option for option in line.plain.get("-d", ()) if {"tid", "all"} & set((option.value or "").split(","))]
    files = line.plain.get("-D", ())
    if wanted and not (files and "%d" in (files[-1].value or "")) and not line.is_open:
        yield Fault(wanted[-1].place, "", "a log for each thread needs -D with a name that has %d in it")


def _help(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-trace", ()):
        if option.first in ("help", "?"):
            yield Fault(option.place, "", f"-trace {option.first} lists the events, and QEMU ends")


RULES = (
    Rule(
        "line/log-items",
        "the items of `-d` are there",
        "util/log.c, qemu_str_to_log_mask",
        _items,
        about=("-d",),
        wrong="-display none -machine pc -d guest_error",
        right="-display none -machine pc -d guest_errors,unimp",
    ),
    Rule(
        "line/log-ranges",
        "the ranges of `-dfilter` are some",
        "util/log.c, qemu_set_dfilter_ranges",
        _ranges,
        about=("-dfilter",),
        wrong="-display none -machine pc -dfilter 0x2000..0x1000",
        right="-display none -machine pc -dfilter 0x1000..0x2000,0x8000+0x200",
    ),
    Rule(
        "line/log-threads",
        "a log for each thread (`-d tid`) has a name with `%d`",
        "util/log.c, qemu_set_log_internal: per_thread",
        _threads,
        about=("-d",),
        wrong="-display none -machine pc -d tid",
        right="-display none -machine pc -d unimp",
        since=(7, 2, 0),
    ),
    Rule(
        "line/trace-help",
        "`-trace` is not asked for help",
        "trace/control.c, trace_enable_events",
        _help,
        about=("-trace",),
        wrong="-display none -machine pc -trace help",
        right="-display none -machine pc -trace vga_*",
    ),
)
