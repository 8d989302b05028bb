"""``/dev/kvm``, opened and a machine made with it, and guests of guests."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator

from prober.rehearsal.preflight.ground import Ground, is_right, is_unknown, is_wrong, unless_there
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import READ, WRITE, Way
from prober.rehearsal.preflight.wanted import HostItem

#: ``linux/kvm.h``.
_GET_API_VERSION, _CREATE_VM = 0xAE00, 0xAE01
_API_VERSION = 12

_DEVICE = "/dev/kvm"
_WHY = "a domain of type kvm does not start without"

#: The parameters of KVM's modules that say whether guests may have guests, and the features they are of.
_NESTED = {"vmx": "kvm_intel", "svm": "kvm_amd"}


def look_at_kvm_device(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-accel kvm``: what the kernel can refuse of it, it refuses here, as a machine is made and dropped."""
    if item.text("") != "kvm" and item.text("accel") != "kvm":
        return
    place = on.wanted.domain.place("type")
    todo = "modprobe kvm_intel (or kvm_amd); where that fails, switch virtualization on in the firmware of this machine"
    way = on.view.walk(_DEVICE, READ, WRITE)
    lost = unless_there("kvm", way, place, _WHY, todo)
    if lost is not None:
        if way.end == "closed":
            lost = lost.model_copy(update={"todo": _opening(way, on)})
        yield lost
        return
    with on.view.opened(way.real, os.O_RDWR) as fd:
        if fd is None:
            yield is_unknown("kvm", f"{_DEVICE} may not be opened by whoever looks", place, _WHY)
            return
        try:
            version = fcntl.ioctl(fd, _GET_API_VERSION, 0)
            os.close(fcntl.ioctl(fd, _CREATE_VM, 0))
        except OSError as error:
            said = f"the kernel makes no machine with {_DEVICE}: {error.strerror}"
            if error.errno == errno.ENOTTY:
                said = f"{_DEVICE} is a file that is not KVM"
                todo = f"rm {_DEVICE}; udevadm trigger --name-match=kvm"
            else:
                todo = "look for what the kernel says of it: journalctl -k -g kvm"
            yield is_wrong("kvm", said, place, _WHY, todo)
            return
    if version != _API_VERSION:
        yield is_wrong("kvm", f"{_DEVICE} speaks version {version}, not {_API_VERSION}", place, _WHY, "a newer kernel")
        return
    yield is_right("kvm", f"{_DEVICE} can be opened, and the kernel makes a machine", place)


def _opening(way: Way, on: Ground) -> str:
    """What opens the device to the user: its group, where that may open it."""
    found = way.found
    if way.where == _DEVICE and found is not None and found.st_mode & 0o060 == 0o060 and found.st_gid:
        return f"usermod --append --groups {found.st_gid} {on.view.user.name} (the group's number, or its name)"
    return f"chgrp kvm {_DEVICE} && chmod 0660 {_DEVICE} && usermod --append --groups kvm {on.view.user.name}"


def look_at_nested(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-cpu`` with vmx or svm: whether guests of this host may have guests."""
    if on.wanted.target.accel != "kvm":
        return
    for feature, module in _NESTED.items():
        if not item.is_on(feature):
            continue
        place = item.where(feature)
        value = on.view.read(f"/sys/module/{module}/parameters/nested")
        why = f"the guest asks for {feature}, and does not get it"
        if value in ("Y", "1"):
            yield is_right("nested", f"guests may have guests: {module} has nested={value}", place)
        elif value in ("N", "0"):
            todo = f"echo 'options {module} nested=1' > /etc/modprobe.d/{module}-nested.conf; modprobe -r {module}; "
            todo += f"modprobe {module}"
            yield is_wrong("nested", f"guests may have no guests: {module} has nested={value}", place, why, todo)
        else:
            said = f"whether guests may have guests is not known: {module} is not loaded"
            yield is_unknown("nested", said, place, why)
