"""Whether guests can run under KVM: the device, a machine made by the kernel, and a guest of a real QEMU.

The numbers are those of ``linux/kvm.h``.  What the parameters of the modules are called is in the kernel's
Documentation/admin-guide/kernel-parameters.txt.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from prober.errors import ConfinementError, QemuError
from prober.service.doctor.observed import Observation, group_name, observe, user_name

_GET_API_VERSION, _CREATE_VM = 0xAE00, 0xAE01
_API_VERSION = 12

#: The CPU's flag for virtualization, and the module that uses it.
_MODULES = {"vmx": "kvm_intel", "svm": "kvm_amd"}

_WHY = "without KVM guests run under TCG, ten times slower or more, and domains of type kvm do not start"
_READ_AT_MOST = 65536
#: A guest that does not run within this time (seconds) does not run.
_GUEST_S = 15.0


def look_at_kvm(root: Path = Path("/")) -> list[Observation]:
    """What the device and the kernel say.  ``root`` is where ``dev``, ``proc`` and ``sys`` are.  Blocks."""
    device = root / "dev/kvm"
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return [_without_device(root, device)]
    except OSError as error:
        return [_not_opened(root, device, error)]
    try:
        found = _make_machine(device, descriptor)
    finally:
        os.close(descriptor)
    return [found, *_nested(root)] if found.level == "ok" else [found]


async def try_kvm_guest(binary: str, target: str) -> Observation:
    """Whether a small guest of this QEMU runs under KVM, in the box that prover and interviews have."""
    # Imported late: what proves is large, and a host without KVM needs none of it.
    from prober.proof.kvm import run_small_guest

    why = f"/dev/kvm is there and a machine can be made, and still {binary} runs no guest with it"
    try:
        async with asyncio.timeout(_GUEST_S):
            status = await run_small_guest(binary, None, target)
    except ConfinementError as error:
        return _found("notice", f"it was not tried to run a guest: {error.message}", binary, todo=error.hint)
    except TimeoutError:
        return _found("problem", f"a guest did not run within {_GUEST_S:g} seconds", binary, why, _LOOK_AT_KERNEL)
    except QemuError as error:
        return _found("problem", f"no guest runs under KVM: {error.message}", binary, why, _of_guest(str(error)))
    if status != "running":
        return _found("problem", f"a guest under KVM is {status!r}, not running", binary, why, _LOOK_AT_KERNEL)
    return _found("ok", "a guest runs under KVM", binary)


_LOOK_AT_KERNEL = "look for what the kernel says of it: journalctl -k -g kvm"


_found = partial(observe, "kvm")


def _without_device(root: Path, device: Path) -> Observation:
    """There is no such file: no module is loaded, or the CPU has none of it, or somebody hides it."""
    flags = _cpu_flags(root)
    modules = [module for flag, module in _MODULES.items() if flag in flags]
    loaded = [name for name in ("kvm_intel", "kvm_amd", "kvm") if (root / "sys/module" / name).exists()]
    if loaded and (modules or not flags or "kvm" not in loaded or len(loaded) > 1):
        todo = (
            "in a container, give it the device; in a unit, PrivateDevices=yes hides it (prober.service has "
            "DevicePolicy=closed and DeviceAllow=/dev/kvm rw in its place); else: udevadm trigger --name-match=kvm"
        )
        return _found("problem", f"{loaded[0]} is loaded and /dev/kvm is not there", device, _WHY, todo)
    if modules:
        return _not_loaded(modules[0], device, "there is no /dev/kvm")
    if "hypervisor" in flags:
        todo = (
            "on the machine that this one runs on: switch nested virtualization on (kvm_intel or kvm_amd with "
            "nested=1), and give this machine its host's CPU (<cpu mode='host-passthrough'/>)"
        )
        return _found(
            "notice", "this is a virtual machine, and nested virtualization is off for it", device, _WHY, todo
        )
    if flags:
        todo = "if the CPU has VT-x or AMD-V, switch it on in the machine's firmware (BIOS); else nothing can be done"
        return _found("notice", "the CPU shows neither VT-x nor AMD-V", device, _WHY, todo)
    return _found("notice", "there is no /dev/kvm", device, _WHY, "modprobe kvm; on Arm the kernel has to start in EL2")


def _not_loaded(module: str, device: Path, what: str) -> Observation:
    todo = (
        f"modprobe {module}, and write {module} into /etc/modules-load.d/kvm.conf; where that says 'Operation not "
        "supported', virtualization is switched off in the machine's firmware (BIOS)"
    )
    return _found("problem", f"{what}: the module {module} is not loaded", device, _WHY, todo)


def _not_opened(root: Path, device: Path, error: OSError) -> Observation:
    if error.errno in (errno.ENODEV, errno.ENXIO):
        modules = [module for flag, module in _MODULES.items() if flag in _cpu_flags(root)]
        return _not_loaded(modules[0] if modules else "kvm", device, "/dev/kvm is a file that nothing stands behind")
    if error.errno not in (errno.EACCES, errno.EPERM):
        return _found("problem", f"/dev/kvm cannot be opened: {error.strerror}", device, _WHY, _LOOK_AT_KERNEL)
    try:
        found = device.stat()
    except OSError as second:
        return _found("problem", f"/dev/kvm may not be looked at: {second.strerror}", device, _WHY)
    user, group = user_name(os.geteuid()), group_name(found.st_gid)
    mode = stat.S_IMODE(found.st_mode)
    said = f"user {user} may not open /dev/kvm: it belongs to {user_name(found.st_uid)}:{group} with {mode:04o}"
    return _found("problem", said, device, _WHY, _who_may(found, mode, user, group))


def _who_may(found: os.stat_result, mode: int, user: str, group: str) -> str:
    """What has to be changed for this user to open the device."""
    if mode & 0o060 != 0o060 or found.st_gid == 0:
        return (
            "chgrp kvm /dev/kvm and chmod 0660 /dev/kvm; udev's own rules do it at each start where the group kvm is "
            "there (groupadd --system kvm, udevadm trigger --name-match=kvm)"
        )
    if found.st_gid not in (os.getegid(), *os.getgroups()):
        return f"usermod --append --groups {group} {user}, and start the service again"
    return (
        "rights and group are right, so something else forbids it: a unit without DeviceAllow=/dev/kvm rw, SELinux, "
        "AppArmor"
    )


def _make_machine(device: Path, descriptor: int) -> Observation:
    """Make a machine, without memory and CPU, and drop it: what the kernel can refuse, it refuses here."""
    try:
        version = fcntl.ioctl(descriptor, _GET_API_VERSION, 0)
        if version != _API_VERSION:
            return _found("problem", f"/dev/kvm speaks version {version}, not {_API_VERSION}", device, _WHY)
        os.close(fcntl.ioctl(descriptor, _CREATE_VM, 0))
    except OSError as error:
        if error.errno == errno.ENOTTY:
            return _found(
                "problem", "/dev/kvm is a file that is not KVM", device, _WHY, "remove it: udev makes it anew"
            )
        todo = {
            errno.EBUSY: "another hypervisor holds the CPU's virtualization (VirtualBox, VMware, Xen): stop it",
            errno.ENOMEM: "the kernel has no memory for it: look at MemoryMax of the unit, and at free",
        }.get(error.errno or 0, _LOOK_AT_KERNEL)
        return _found("problem", f"the kernel makes no machine: {error.strerror}", device, _WHY, todo)
    return _found("ok", "/dev/kvm can be opened, and the kernel makes a machine", device)


def _nested(root: Path) -> Iterator[Observation]:
    """Whether guests can have guests: worth to know, and off as often as on."""
    for module in _MODULES.values():
        parameter = root / "sys/module" / module / "parameters/nested"
        try:
            value = parameter.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        if value in ("Y", "1"):
            yield _found("ok", "guests can have guests of their own: nested virtualization is on", parameter)
            continue
        todo = f"where that is wanted: options {module} nested=1 in /etc/modprobe.d/kvm.conf, and load the module anew"
        why = "a guest that asks for vmx or svm does not get it"
        yield _found("notice", "nested virtualization is off for guests", parameter, why, todo)


def _of_guest(said: str) -> str:
    if "msr" in said.lower() or "host doesn't support" in said:
        return (
            "the CPU promises what it does not do, as under another hypervisor: give this machine its host's CPU, "
            "take a named CPU model for guests, or a newer QEMU or kernel"
        )
    return _LOOK_AT_KERNEL


def _cpu_flags(root: Path) -> frozenset[str]:
    """The flags of the first processor; none on machines whose kernel does not call them so."""
    try:
        with (root / "proc/cpuinfo").open("rb") as stream:
            text = stream.read(_READ_AT_MOST).decode(errors="replace")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())
