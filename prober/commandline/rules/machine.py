"""``-machine``: what its properties need of one another, of the accelerator and of objects."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, switch
from prober.commandline.refusal import Fault, Kind
from prober.commandline.rules.rule import Rule

#: Objects that make a guest confidential (``backends/confidential-guest-support.c``, and those derived from it).
_GUESTS = ("sev-guest", "sev-snp-guest", "tdx-guest")

#: Keys that name one of them; the second is the older.
_KEYS = ("confidential-guest-support", "memory-encryption")


def _confidential(line: Line) -> Iterator[Fault]:
    """A guest that is confidential, without the accelerator that can make one."""
    types = {item.id: item.qom_type for item in line.objects}
    for key in _KEYS:
        name = line.machine_value(key)
        kind = types.get(str(name)) if name is not None else None
        if kind in _GUESTS and line.accelerator == "tcg":
            place = line.keyval["-machine"][-1].place
            yield Fault(place, key, f"{kind} needs KVM, and this line ends up with TCG", "write -accel kvm")
            return


def _tdx(line: Line) -> Iterator[Fault]:
    named = {str(line.machine_value(key)) for key in _KEYS}
    for item in line.objects:
        if item.qom_type == "tdx-guest" and line.accelerator == "tcg" and item.id not in named:
            yield Fault(
                item.place, "qom-type", "tdx-guest needs KVM, and this line ends up with TCG", "write -accel kvm"
            )


def _encryption(line: Line) -> Iterator[Fault]:
    """The object that is named is there, and of a type that makes a guest confidential."""
    types = {item.id: item.qom_type for item in line.objects}
    for key in _KEYS:
        name = line.machine_value(key)
        if name is None or line.is_open:
            continue
        place, kind = line.keyval["-machine"][-1].place, types.get(str(name))
        if kind is None and key == _KEYS[1]:
            yield Fault(place, key, f"there is no -object {str(name)[:64]!r}")
        elif kind is not None and kind not in _GUESTS and kind.partition("-")[0] in _OTHERS:
            yield Fault(place, key, f"{kind} makes no guest confidential", f"name one of {', '.join(_GUESTS)}")


#: What types of objects begin with that have nothing to do with it.
_OTHERS = frozenset(
    {
        "authz", "can", "colo", "cryptodev", "dbus", "filter", "input", "iothread", "main", "memory", "pr", "qtest",
        "rng", "secret", "secret_keyring", "thread", "throttle", "tls",
    }
)  # fmt: skip


def _vmport(line: Line) -> Iterator[Fault]:
    if switch(line.machine_value("vmport")) is True and switch(line.machine_value("i8042")) is False:
        yield Fault(
            line.keyval["-machine"][-1].place, "vmport", "vmport=on needs i8042, which is off", "write vmport=off"
        )


def _oem(line: Line) -> Iterator[Fault]:
    for key, most in (("x-oem-id", 6), ("x-oem-table-id", 8)):
        value = line.machine_value(key)
        if isinstance(value, str) and len(value.encode()) > most:
            place = line.keyval["-machine"][-1].place
            yield Fault(place, key, f"{key} has up to {most} bytes, not {len(value.encode())}: {value[:64]!r}")


def _secure(line: Line) -> Iterator[Fault]:
    """Flash that only System Management Mode may write to, on a machine without that."""
    if line.kind not in ("pc", "q35") or switch(line.machine_value("smm")) is not False:
        return
    for setting in line.settings:
        if (setting.driver, setting.setting.name) == ("cfi.pflash01", "secure") and switch(
            setting.setting.value
        ) is True:
            message = "with secure=on nothing but SMM writes to the firmware's flash, and smm is off"
            yield Fault(setting.setting.place, "secure", message, "write -machine q35,smm=on")


#: What the clock does about ticks that the guest missed (``hw/rtc/mc146818rtc.c``, ``rtc_realizefn``).
_POLICIES = ("discard", "slew")


def _has_clock(line: Line) -> bool:
    """Whether the machine is known to have this clock (tried with 5.2, 7.2, 10.0 and 11.1)."""
    return line.kind in ("pc", "q35", "isapc") or (
        line.kind == "microvm" and switch(line.machine_value("rtc")) is not False
    )


def _ticks(line: Line) -> Iterator[Fault]:
    said = [(device.place, device.values.get("lost_tick_policy")) for device in line.of_type("mc146818rtc")]
    said += [
        (setting.setting.place, setting.setting.value)
        for setting in line.settings
        if (setting.driver, setting.setting.name) == ("mc146818rtc", "lost_tick_policy")
    ]
    for place, value in said:
        if isinstance(value, str) and value not in _POLICIES and _has_clock(line):
            yield Fault(
                place, "lost_tick_policy", f"lost_tick_policy of the clock is discard or slew, not {value[:64]!r}"
            )


_FLASH = (
    "-display none -drive if=pflash,format=raw,unit=0,file.driver=null-co,file.size=2M,readonly=on "
    "-global driver=cfi.pflash01,property=secure,value=on"
)
_SEV = "-display none -object sev-guest,id=s,cbitpos=47,reduced-phys-bits=1 -machine q35"

RULES = (
    Rule(
        "line/confidential-kvm",
        "a confidential guest goes with KVM",
        "system/vl.c, qemu_machine_creation_done; hw/core/machine.c, machine_run_board_init",
        _confidential,
        about=_KEYS,
        wrong=f"{_SEV},confidential-guest-support=s",
        right=_SEV,
        since=(6, 0, 0),
    ),
    Rule(
        "line/tdx-kvm",
        "a `tdx-guest` goes with KVM",
        "target/i386/kvm/tdx.c, tdx_guest_init",
        _tdx,
        about=("tdx-guest",),
        wrong="-display none -machine q35 -object tdx-guest,id=s",
        right="-display none -machine q35",
        since=(11, 1, 0),
    ),
    Rule(
        "line/confidential-object",
        "what makes a guest confidential is an object that does",
        "hw/core/machine.c, machine_set_memory_encryption, machine_check_confidential_guest_support",
        _encryption,
        about=_KEYS,
        wrong="-display none -machine q35,memory-encryption=s",
        right="-display none -machine q35",
        since=(6, 0, 0),
    ),
    Rule(
        "line/vmport-i8042",
        "`vmport=on` goes with `i8042=on`",
        "hw/i386/pc.c, pc_basic_device_init",
        _vmport,
        about=("vmport",),
        wrong="-display none -machine pc,vmport=on,i8042=off",
        right="-display none -machine pc,vmport=off,i8042=off",
        since=(10, 0, 0),
    ),
    Rule(
        "line/machine-oem",
        "ids of who made the ACPI tables are of 6 and 8 bytes",
        "hw/i386/pc.c, pc_machine_set_oem_id",
        _oem,
        about=("x-oem-id", "x-oem-table-id"),
        wrong="-display none -machine q35,x-oem-id=ABCDEFG",
        right="-display none -machine q35,x-oem-id=ABCDEF",
        since=(7, 2, 0),
    ),
    Rule(
        "line/secure-smm",
        "flash that SMM alone writes to goes with SMM",
        "hw/block/pflash_cfi01.c, pflash_mem_write_with_attrs",
        _secure,
        about=("secure",),
        wrong=f"{_FLASH} -machine q35,smm=off",
        right=f"{_FLASH} -machine q35,smm=on",
        kind=Kind.ignored,
    ),
    Rule(
        "line/clock-ticks",
        "ticks of the clock that were missed are discarded or slewed",
        "hw/rtc/mc146818rtc.c, rtc_realizefn",
        _ticks,
        about=("lost_tick_policy",),
        wrong="-display none -machine pc -global mc146818rtc.lost_tick_policy=delay",
        right="-display none -machine pc -global mc146818rtc.lost_tick_policy=slew",
    ),
)
