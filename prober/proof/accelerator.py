"""Which accelerator a line asks for, and the same line under TCG, where there is no KVM that works."""

from __future__ import annotations

from collections.abc import Iterator

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members

#: Keys of ``-machine`` and ``-accel`` that are KVM's own (QEMU, ``accel/kvm/kvm-all.c``, ``kvm_accel_class_init``).
_OF_KVM = (
    "kernel-irqchip", "kernel_irqchip", "kvm-shadow-mem", "kvm_shadow_mem", "dirty-ring-size", "notify-vmexit",
    "notify-window", "xen-version", "xen-gnttab-max-frames", "xen-evtchn-max-pirq", "eager-split-size", "device",
    "honor-guest-pat",
)  # fmt: skip

#: Their values that say no more than what is so without them.
_USUAL = {"kernel-irqchip": "on", "kernel_irqchip": "on"}

#: What a CPU can be told that TCG does not take, or does not heed (QEMU, ``target/i386/host-cpu.c``;
#: ``target/i386/cpu.c``, ``x86_cpu_realizefn``).
_OF_HOST_CPU = ("host-phys-bits", "host-phys-bits-limit", "phys-bits", "enforce", "host-cache-info")

#: Types of devices that only KVM makes.
_KVM_TYPES = ("kvm-", "kvmclock", "kvmvapic")


def asked_accelerators(line: list[Given]) -> list[str]:
    """The accelerators that a line names, in the order in which QEMU tries them; none where it leaves that open."""
    found: list[str] = []
    for given in line:
        if given.is_left_out:
            continue
        if given.flag == "-enable-kvm":
            found.append("kvm")
        elif given.flag == "-accel":
            found.append(given.type)
        elif given.flag in ("-machine", "-M") and given.members is not None:
            found += [name for name in given.members.text("accel").split(":") if name]
    return list(dict.fromkeys(found))


def use_tcg(bench: Bench) -> None:
    """Have the line started under TCG in the place of KVM, and say what of it was KVM's alone."""
    for given in bench.line:
        if given.is_left_out:
            continue
        if given.flag == "-enable-kvm":
            # What QEMU reads it as (5.2 to 11.1, ``softmmu/vl.c``): beside ``accel=`` of the machine, not ``-accel``.
            bench.replace(given, "", "-machine accel=tcg")
            given.flag = "-machine"
            given.change("accel=tcg")
        elif given.flag == "-accel" and given.type == "kvm" and given.members is not None:
            _drop(given, given.members, bench)
            given.members.set("accel", "tcg")
            bench.replace(given, "accel", "tcg")
        elif given.flag in ("-machine", "-M") and given.members is not None:
            _of_machine(given, given.members, bench)
        elif given.flag == "-cpu":
            _of_cpu(given, bench)
        elif given.flag == "-global" and (given.value or "").startswith(_KVM_TYPES):
            bench.leave_out(given, "only KVM has such a device")


def _of_machine(given: Given, members: Members, bench: Bench) -> None:
    _drop(given, members, bench)
    if "kvm" in members.text("accel").split(":"):
        members.set("accel", "tcg")
        bench.replace(given, "accel", "tcg")


def _drop(given: Given, members: Members, bench: Bench) -> None:
    for name in _OF_KVM:
        value = members.text(name)
        if not value:
            continue
        members.drop(name)
        if _USUAL.get(name) == value:
            bench.replace(given, name, "TCG's own")
        else:
            bench.leave_out(given, "it is KVM's alone", part=name)


def _of_cpu(given: Given, bench: Bench) -> None:
    model, *features = (given.value or "").split(",")
    kept: list[str] = []
    for word, name in _named(features):
        if name in _OF_HOST_CPU:
            bench.leave_out(given, "TCG has the CPU's addresses and features of its own", part=name)
        else:
            kept.append(word)
    if model == "host":
        bench.replace(given, "model", "max, which is TCG's own")
        model = "max"
    given.change(",".join([model, *kept]))


def _named(features: list[str]) -> Iterator[tuple[str, str]]:
    for word in features:
        yield word, word.lstrip("+-").partition("=")[0].replace("_", "-")
