"""What stands in the place of what QEMU has no more: options, keys, values, devices and CPU models.

From ``docs/about/removed-features.rst`` (to 11.1), where QEMU says what to write instead; what has no replacement is
not here.  The names are those of facts, or of findings about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_BY_CARD = "write -nic user,{0}, or -netdev user,id=ID,{0} and a -device with netdev=ID"
_BY_DEVICE = "write it behind the -device that has the drive (-drive if=none,id=ID and -device …,drive=ID,{})"
_FLOPPY = "write -device floppy,unit={},drive=NODE"

#: What to write, by the option.
_OPTIONS = {
    "-alt-grab": "write -display sdl,grab-mod=lshift-lctrl-lalt",
    "-async-teardown": "write -run-with async-teardown=on",
    "-audio-help": "write -audiodev help",
    "-balloon": "write -device virtio-balloon",
    "-bootp": _BY_CARD.format("bootp=FILE"),
    "-chroot": "write -run-with chroot=DIR",
    "-ctrl-grab": "write -display sdl,grab-mod=rctrl",
    "-curses": "write -display curses",
    "-hdachs": "write -device ide-hd,drive=ID with cyls=, heads=, secs= and bios-chs-trans=",
    "-localtime": "write -rtc base=localtime",
    "-no-acpi": "write -machine acpi=off",
    "-no-hpet": "write -machine hpet=off",
    "-no-kvm": "write -accel tcg",
    "-no-kvm-irqchip": "write -machine kernel-irqchip=off",
    "-no-kvm-pit": "write -machine kernel-irqchip=split",
    "-no-kvm-pit-reinjection": "write -global kvm-pit.lost_tick_policy=discard",
    "-no-quit": "write window-close=off behind the -display",
    "-nodefconfig": "write -no-user-config",
    "-realtime": "write -overcommit with mem-lock=on or mem-lock=off",
    "-redir": _BY_CARD.format("hostfwd=tcp::PORT-:PORT"),
    "-rtc-td-hack": "write -rtc driftfix=slew",
    "-runas": "write -run-with user=NAME",
    "-sdl": "write -display sdl",
    "-show-cursor": "write show-cursor=on behind the -display",
    "-singlestep": "write -accel tcg,one-insn-per-tb=on",
    "-smb": _BY_CARD.format("smb=DIR"),
    "-soundhw": "write -device with the card, and -audiodev for it: -audiodev none,id=ID -device AC97,audiodev=ID",
    "-startdate": "write -rtc base=DATE",
    "-tb-size": "write -accel tcg,tb-size=MIB",
    "-tdf": "QEMU does so by itself; -global kvm-pit.lost_tick_policy=delay asks for it",
    "-tftp": _BY_CARD.format("tftp=DIR"),
    "-virtioconsole": "write -device virtio-serial-pci and -device virtconsole,chardev=ID",
    "-watchdog": "write -device with the same name: -device i6300esb",
}

#: The same of keys and values, types of devices, CPU models.
_PARTS = {
    "-chardev.reconnect": "write reconnect-ms, which is in milliseconds: 1000 for each second",
    "-drive.addr": _BY_DEVICE.format("addr="),
    "-drive.boot": "write bootindex= behind the -device that has the drive",
    "-drive.cyls": _BY_DEVICE.format("cyls="),
    "-drive.heads": _BY_DEVICE.format("heads="),
    "-drive.secs": _BY_DEVICE.format("secs="),
    "-drive.serial": _BY_DEVICE.format("serial="),
    "-drive.trans": _BY_DEVICE.format("bios-chs-trans="),
    "-spice.password": "write password-secret=ID, and -object secret,id=ID,file=FILE",
    "-vnc.acl": "write tls-authz=ID or sasl-authz=ID",
    "-vnc.tls": "write tls-creds=ID, and -object tls-creds-x509,id=ID with its dir and endpoint",
    "-vnc.x509": "write tls-creds=ID, and -object tls-creds-x509,id=ID with its dir and endpoint",
    "-vnc.x509verify": "write tls-creds=ID, and -object tls-creds-x509,id=ID with its dir and endpoint",
    "chardev-add.backend.type.parport": "write parallel",
    "chardev-add.backend.type.tty": "write serial",
    "Icelake-Client": "write Icelake-Server",
    "Icelake-Client-noTSX": "write Icelake-Server-noTSX",
    "ide-drive": "write ide-hd, or ide-cd",
    "isa-fdc.driveA": _FLOPPY.format(0),
    "isa-fdc.driveB": _FLOPPY.format(1),
    "ivshmem": "write ivshmem-plain, or ivshmem-doorbell",
    "netdev_add.reconnect": "write reconnect-ms, which is in milliseconds: 1000 for each second",
    "netdev_add.vlan": "write -netdev with an id, and -device with netdev=; a hub is -netdev hubport with hubid=",
    "scsi-disk": "write scsi-hd, or scsi-cd",
    "sga": "write -machine graphics=off",
    "virtio-blk-pci.scsi": "leave it out; SCSI commands are passed on by virtio-scsi-pci",
}

#: All of them.
REPLACED: Mapping[str, str] = MappingProxyType({**_OPTIONS, **_PARTS})


def replacement(fact: str) -> str:
    """What to write instead of what is no more; empty where that is not known."""
    return REPLACED.get(fact, "")
