"""``-cpu``: what a model needs of the accelerator, and the values of its properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from pydantic import JsonValue

from prober.capabilities.models import Accelerator
from prober.commandline.line import Line, number, switch
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule, Version

#: Models without long mode (``target/i386/cpu.c``): their addresses are 32 or 36 bits wide.
NOT_LONG = frozenset({"486", "athlon", "base", "coreduo", "kvm32", "n270", "pentium", "pentium2", "pentium3", "qemu32"})

_MACHINE_VERSION = re.compile(r".*-(\d{1,3})\.\d{1,3}")

#: Machine types from this version on leave the features of models as they are.
_PLAIN_SINCE = 4


def _cpu(line: Line) -> Keyval | None:
    """The ``-cpu`` that counts: the last, and the features of no other."""
    options = line.keyval.get("-cpu", ())
    return options[-1] if options else None


def _values(option: Keyval) -> dict[str, Value]:
    """The properties that it is given; of one name the last.  Old spellings have underscores."""
    return {item.name.replace("_", "-"): item.value for item in option.pairs}


def _host(line: Line) -> Iterator[Fault]:
    option = _cpu(line)
    if option is not None and option.first == "host" and line.accelerator == "tcg":
        message = "-cpu host needs KVM, and this line ends up with TCG"
        yield Fault(option.place, "model", message, "write -accel kvm, or -cpu max")


def _none(line: Line) -> Iterator[Fault]:
    option = _cpu(line)
    if option is not None and line.kind == "none" and line.caps.target in ("x86_64", "i386"):
        yield Fault(option.place, "model", "machine none has no CPU that -cpu could be for", "leave out -cpu")


def _enforced(line: Line) -> Iterator[Fault]:
    """Features that TCG has not, by what the binary says of its models and of ``max`` under TCG."""
    option = _cpu(line)
    if option is None or line.accelerator != "tcg" or option.first == "host" or _changes_models(line):
        return
    values = _values(option)
    left = _left(line, option.first, values) if switch(values.get("enforce")) is True else []
    if left:
        message = f"TCG has not all that {option.first} has, and enforce is on: {', '.join(left)}"
        hint = "leave out enforce, or write " + ",".join(f"{name}=off" for name in left)
        yield Fault(option.place, "enforce", message, hint)


def _left(line: Line, name: str, values: Mapping[str, Value]) -> list[str]:
    """What a model has, or is given, that TCG has not, and that is not switched off."""
    known = line.caps.accelerators.get("tcg")
    model = (known.cpu_models or {}).get(name) if known else None
    if known is None or model is None:
        return []
    expansion = _of_max(known)
    given = {feature for feature, value in values.items() if switch(value) is True}
    asked = {feature for feature in given if not _NO_FEATURE.fullmatch(feature) and expansion.get(feature) is False}
    off = {feature for feature, value in values.items() if switch(value) is False}
    return _without_dependent(sorted({*(model.unavailable_features or ()), *asked} - off), off)


def _without_dependent(left: list[str], off: set[str]) -> list[str]:
    return [feature for feature in left if not feature.startswith(_DEPENDENT)] if off else left


def _of_max(known: Accelerator) -> Mapping[str, JsonValue]:
    """The features of ``max``, where they were asked for: all that the accelerator has."""
    found = [one.props for one in known.cpu_expansions if one.model == "max" and one.props]
    return found[0] if found else {}


def _changes_models(line: Line) -> bool:
    """Whether a global, or an old machine type, may change what a model has."""
    match = _MACHINE_VERSION.fullmatch(line.machine.name if line.machine is not None else "")
    is_old = match is not None and int(match[1]) < _PLAIN_SINCE
    return is_old or any(setting.driver.endswith("-cpu") for setting in line.settings)


#: What is a switch of a model, and no feature of a CPU; KVM's and Hyper-V's features are left out under TCG.
_NO_FEATURE = re.compile(r"kvm.*|hv-.*|x-.*|xen-.*|.*phys-bits|pmu|lmce|migratable|check|enforce|.*cache.*")

#: Features that go with others, and are not missed where those are switched off (``target/i386/cpu.c``,
#: ``feature_dependencies``).
_DEPENDENT = ("vmx-", "svm", "avx10", "intel-pt", "sgx", "full-width", "fred", "split-lock", "core-cap")


def _written(value: Value) -> str:
    """A value as it is written: that of a domain has a type, and that of a command line is a text."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


class _Row(NamedTuple):
    """A property of a CPU, and what its values are: ``find`` gives what is wrong with one, or nothing.

    ``as_set`` is whether QEMU looks at each that is given, when it sets it, and not at the last when it makes the CPU.
    """

    name: str
    of: str
    says: str
    source: str
    find: Callable[[str, Line], str]
    wrong: str
    right: str
    since: Version = (0, 0, 0)
    until: Version | None = None
    as_set: bool = False

    def on(self, line: Line) -> Iterator[Fault]:
        """What is wrong with the property on a line."""
        option = _cpu(line)
        if option is None:
            return
        said = [item for item in option.pairs if item.name.replace("_", "-") == self.of]
        for item in said if self.as_set else said[-1:]:
            message = self.find(_written(item.value), line)
            if message:
                yield Fault(item.place, item.name, message)


def _within(name: str, least: int, most: int, value: str, line: Line) -> str:
    """A number within bounds, both included."""
    found = number(value)
    if found is None or least <= found <= most:
        return ""
    return f"{name} is from {least} to {most}, not {value[:64]}"


def _twelve(value: str, line: Line) -> str:
    return "" if len(value.encode()) == 12 else f"vendor has 12 characters, not {len(value.encode())}: {value[:64]!r}"


def _frequency(value: str, line: Line) -> str:
    found = number(value)
    if found is None:
        return f"tsc-frequency is a number of Hz without a unit, not {value[:64]!r}"
    return "" if 0 <= found < 1 << 63 else f"tsc-frequency is from 0 to {(1 << 63) - 1}, not {value[:64]}"


def _is_long(line: Line) -> bool | None:
    """Whether the CPU has long mode; None where a global may say it."""
    option = _cpu(line)
    if option is None or "lm" in line.globals:
        return None
    said = _values(option).get("lm")
    return option.first not in NOT_LONG if said is None else switch(said)


def _bits_of_tcg(value: str, line: Line) -> str:
    found = number(value)
    # Under KVM the host's bits may count instead.
    if found is None or found in (0, 40) or not _is_long(line) or line.accelerator != "tcg":
        return ""
    return f"phys-bits is 40 under TCG, not {value[:64]}"


def _bits(least: int, most: int, value: str, line: Line) -> str:
    found = number(value)
    if found is None or found == 0 or least <= found <= most or not _is_long(line) or line.accelerator != "tcg":
        return ""
    bound = f"from {least} to {most}" if most < _MOST_BITS else f"{least} or more"
    return f"phys-bits is {bound}, not {value[:64]}"


#: More bits than any property takes.
_MOST_BITS = 1 << 32


def _bits_of_32(value: str, line: Line) -> str:
    option = _cpu(line)
    if option is None or _is_long(line) is not False or number(value) in (0, None):
        return ""
    return f"{option.first} has no long mode, and takes no phys-bits"


def _no_vpindex(value: str, line: Line) -> str:
    if switch(value) is not True or line.accelerator != "tcg":
        return ""
    return "hv-vpindex needs KVM, and this line ends up with TCG"


#: Models that know their caches (``target/i386/cpu.c``, ``cache_info``), in whichever version.
_KNOWS_CACHES = re.compile(r"(EPYC|Dhyana|SierraForest|GraniteRapids|SapphireRapids|YongFeng|Clearwater|Diamond).*")


def _caches(value: str, line: Line) -> str:
    option = _cpu(line)
    if option is None or switch(value) is not False or _KNOWS_CACHES.fullmatch(option.first) is not None:
        return ""
    if option.first in NOT_LONG or re.search(r"-v\d+$", option.first):
        return ""
    return f"{option.first} has no caches of its own, and legacy-cache=off asks for them"


def _first_cpu(name: str, value: str, line: Line) -> str:
    """Where a CPU sits is the same for all of them in ``-cpu``, and the first sits at 0."""
    if number(value) in (0, -1, None):
        return ""
    return f"{name} of -cpu is of each CPU, and of the first it is 0, not {value[:64]}"


_CPUID = "target/i386/cpu.c, x86_cpuid_version_set_"

_ROWS = (
    _Row("line/cpu-vendor", "vendor", "the vendor of a CPU has 12 characters",
         "target/i386/cpu.c, x86_cpuid_set_vendor", _twelve, "qemu64,vendor=Intel", "qemu64,vendor=GenuineIntel",
         as_set=True),
    _Row("line/cpu-family", "family", "the family of a CPU is from 0 to 270", f"{_CPUID}family",
         partial(_within, "family", 0, 270), "qemu64,family=271", "qemu64,family=270", as_set=True),
    _Row("line/cpu-model-number", "model", "the model number of a CPU is from 0 to 255", f"{_CPUID}model",
         partial(_within, "model", 0, 255), "qemu64,model=256", "qemu64,model=255", as_set=True),
    _Row("line/cpu-stepping", "stepping", "the stepping of a CPU is from 0 to 15", f"{_CPUID}stepping",
         partial(_within, "stepping", 0, 15), "qemu64,stepping=16", "qemu64,stepping=15",
         as_set=True),
    _Row("line/cpu-tsc-frequency", "tsc-frequency", "the frequency of the TSC is a number without a unit",
         "target/i386/cpu.c, x86_cpuid_set_tsc_freq", _frequency, "qemu64,tsc-frequency=2G",
         "qemu64,tsc-frequency=2000000000", as_set=True),
    _Row("line/cpu-lbr-format", "lbr-fmt", "the format of branch records is from 0 to 63",
         "target/i386/cpu.c, qdev_prop_uint64_checkmask (hw/core/qdev-properties.c)",
         partial(_within, "lbr-fmt", 0, 63), "qemu64,lbr-fmt=64", "qemu64,lbr-fmt=0", (7, 2, 0), as_set=True),
    _Row("line/cpu-phys-bits-tcg", "phys-bits", "a CPU has 40 bits of addresses under TCG",
         "target/i386/cpu.c, x86_cpu_realizefn", _bits_of_tcg, "qemu64,phys-bits=48", "qemu64,phys-bits=40",
         (0, 0, 0), (6, 0, 0)),
    _Row("line/cpu-phys-bits", "phys-bits", "a CPU has from 32 to 52 bits of addresses",
         "target/i386/cpu.c, x86_cpu_realizefn", partial(_bits, 32, 52), "qemu64,phys-bits=53", "qemu64,phys-bits=52",
         (7, 2, 0), (10, 1, 0)),
    _Row("line/cpu-phys-bits-least", "phys-bits", "a CPU has 32 bits of addresses or more",
         "target/i386/cpu.c, x86_cpu_realizefn", partial(_bits, 32, _MOST_BITS), "qemu64,phys-bits=31",
         "qemu64,phys-bits=48", (10, 1, 0)),
    _Row("line/cpu-phys-bits-32", "phys-bits", "a CPU without long mode takes no phys-bits",
         "target/i386/cpu.c, x86_cpu_realizefn", _bits_of_32, "qemu32,phys-bits=36", "qemu32"),
    _Row("line/cpu-vpindex", "hv-vpindex", "`hv-vpindex` goes with KVM, before QEMU 8.0",
         "target/i386/cpu.c, x86_cpu_realizefn (5.2), target/i386/kvm/kvm-stub.c, kvm_hv_vpindex_settable",
         _no_vpindex, "qemu64,hv-vpindex", "qemu64,hv-time", (0, 0, 0), (7, 3, 0)),
    _Row("line/cpu-caches", "legacy-cache", "`legacy-cache=off` is for models that know their caches",
         "target/i386/cpu.c, x86_cpu_realizefn", _caches, "qemu64,legacy-cache=off", "EPYC,legacy-cache=off"),
    *(
        _Row(f"line/cpu-{name}", name, f"`{name}` of `-cpu` is that of the first CPU",
             "hw/i386/x86-common.c, x86_cpu_pre_plug", partial(_first_cpu, name), f"qemu64,{name}=1",
             f"qemu64,{name}=0")
        for name in ("socket-id", "core-id", "thread-id")
    ),
)  # fmt: skip

_OF = "-display none -cpu "

RULES = (
    Rule(
        "line/cpu-host",
        "`-cpu host` goes with KVM",
        "target/i386/cpu.c, x86_cpu_realizefn: host_cpuid_required",
        _host,
        about=("-cpu",),
        wrong="-display none -cpu host",
        right="-display none -cpu max",
    ),
    Rule(
        "line/cpu-none",
        "machine `none` takes no `-cpu`",
        "target/i386/cpu.c, x86_cpu_realizefn: apic-id",
        _none,
        about=("-cpu",),
        wrong="-display none -machine none -cpu qemu64",
        right="-display none -machine none",
    ),
    Rule(
        "line/cpu-enforce",
        "with `enforce`, a CPU has no feature that TCG has not",
        "target/i386/cpu.c, x86_cpu_realizefn: enforce_cpuid",
        _enforced,
        about=("enforce",),
        wrong="-display none -cpu Skylake-Client,enforce",
        right="-display none -cpu Skylake-Client",
    ),
    *(
        Rule(row.name, row.says, row.source, row.on, (row.of,), _OF + row.wrong, _OF + row.right, row.since, row.until)
        for row in _ROWS
    ),
)
