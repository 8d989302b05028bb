"""Sound command lines that need nothing of a host, from which variants are made: a few of each family of options.

They name no file, address or device of a host, so that the bare QEMU can judge each variant as it is.
"""

from __future__ import annotations

import re
import shlex

from tests.integration.sound_lines import LINES, OLD_LINES

_HEAD = "-nodefaults -display none -no-user-config -accel tcg"

#: What names a file of the tests, and what is written in its place.
_OF_FILES = (
    ("driver=file,file.filename=@dir@/disk.raw", "driver=null-co"),
    ("file.driver=file,file.filename=@dir@/disk.raw", "file.driver=null-co"),
    ("socket,id=ch1,path=@dir@/sock1,server=on,wait=off", "null,id=ch1"),
    ("file,id=ch2,path=@dir@/log,append=on", "null,id=ch2"),
    (",logfile=@dir@/ptylog,logappend=on", ""),
    ("file=@dir@/disk.raw,format=raw", "driver=null-co"),
    (" -acpitable file=@dir@/table", ""),
    ("driver=qcow2,file.driver=file,file.filename=@dir@/disk.qcow2,pass-discard-request=on", "driver=null-co"),
    (
        '"driver":"file","filename":"@dir@/disk.raw","node-name":"f0","aio":"threads",',
        '"driver":"null-co","node-name":"f0",',
    ),
    (',"locking":"off"', ""),
    (
        '"driver":"qcow2","node-name":"q1","file":{"driver":"file","filename":"@dir@/disk.qcow2"}',
        '"driver":"null-co","node-name":"q1"',
    ),
    ('"overlap-check":{"template":"all"},"cache-size":1048576', '"size":1048576'),
    (
        '{"driver":"qcow2","file":{"driver":"file","filename":"@dir@/disk.qcow2","aio":"threads"}}',
        '{"driver":"null-co"}',
    ),
    (
        '{"driver":"qcow2","file":{"driver":"file","filename":"@dir@/disk.qcow2","aio":"threads"}}',
        '{"driver":"null-co"}',
    ),
    ('"driver":"compress"', '"driver":"raw"'),
    ('{"driver":"wav","id":"w0","path":"@dir@/out.wav","out"', '{"driver":"none","id":"w0","out"'),
)

#: What people write by hand, in the old forms.
_OLD = (
    """-M pc -m 256 -hda null-co:// -cdrom null-co:// -boot order=dc,menu=on -net none -vga std -usb -serial null
    -monitor none -no-reboot -rtc base=localtime -k de -name old""",
    """-machine isapc,usb=off -cpu 486 -m 16 -drive file=null-co://,if=ide,index=1,media=cdrom,format=raw
    -device ne2k_isa -device isa-cirrus-vga,vgamem_mb=4 -global isa-fdc.fallback=288 -nic none""",
    """-machine pc -smp 4,cores=2,threads=2,sockets=1 -m 512M,slots=2,maxmem=2G
    -drive driver=null-co,id=d0,if=none,size=1M,werror=stop,rerror=report,cache.no-flush=on
    -device virtio-blk,drive=d0,bootindex=0,logical_block_size=4096,physical_block_size=4096
    -netdev user,id=u0,net=10.1.0.0/24,dhcpstart=10.1.0.9,hostfwd=tcp:127.0.0.1:0-:22,ipv6=off
    -device virtio-net,netdev=u0,mac=52:54:00:00:00:09,csum=off,gso=off,mq=off,guest_tso4=off
    -object memory-backend-ram,id=dimm0,size=128M -device pc-dimm,id=d1,memdev=dimm0""",
    """-machine q35,vmport=off,smm=on,sata=on,hpet=on -cpu Haswell-noTSX,-x2apic,+vmx,hv_relaxed=on,hv_spinlocks=0x1fff
    -global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=1 -global driver=cfi.pflash01,property=secure,value=on
    -device pcie-root-port,id=p1,chassis=1,slot=1,addr=0x3,multifunction=on
    -device pcie-root-port,id=p2,chassis=2,slot=2,addr=0x3.0x1 -device x3130-upstream,id=up,bus=p2
    -device xio3130-downstream,id=down,bus=up,chassis=5,slot=5
    -device nvme,serial=nv,bus=p1,drive=nd,max_ioqpairs=8 -drive driver=null-co,id=nd,if=none
    -device igb,bus=down""",
    """-machine q35,usb=off -smbios type=0,vendor=me,version=1,date=01/01/2020 -smbios type=4,manufacturer=x
    -smbios type=17,loc_pfx=DIMM,speed=2400 -device ich9-ahci,id=ahci
    -drive id=d,if=none,driver=null-co -device ide-cd,drive=d,bus=ahci.1,serial=CD1
    -device usb-ehci,id=ehci -device usb-tablet,bus=ehci.0,port=1 -device intel-hda,id=hd
    -device hda-output,bus=hd.0,audiodev=a
    -audiodev none,id=a,out.mixing-engine=off -device intel-iommu,intremap=off,aw-bits=48,caching-mode=on""",
    """-machine microvm,pit=off,pic=off,rtc=on,x-option-roms=off -m 128 -smp 2 -device virtio-serial-device
    -chardev null,id=c -device virtconsole,chardev=c -drive id=d,driver=null-co,if=none
    -device virtio-blk-device,drive=d,num-queues=1""",
    """-machine pc,acpi=on,pit=on,graphics=off -icount shift=auto,sleep=on,align=off -seed 5 -m 64
    -chardev vc,id=v0,width=640,height=480 -chardev ringbuf,id=r0,size=1024 -device isa-parallel,chardev=r0
    -device isa-serial,chardev=v0,iobase=0x2f8,irq=3 -device sb16,audiodev=x -audiodev none,id=x
    -device virtio-gpu-pci,edid=on,xres=1024,yres=768,max_outputs=2 -device usb-tablet -usb
    -object authz-simple,id=az,identity=me -object can-bus,id=can0 -device kvaser_pci,canbus=can0""",
    """-machine pc -m 1G,maxmem=4G,slots=4 -smp 4,sockets=2,cores=2,threads=1 -numa node,nodeid=0,cpus=0-1,memdev=m0
    -numa node,nodeid=1,cpus=2-3,memdev=m1 -numa dist,src=0,dst=1,val=20 -numa cpu,node-id=0,socket-id=0
    -object memory-backend-ram,id=m0,size=512M,prealloc=off -object memory-backend-ram,id=m1,size=512M
    -object memory-backend-ram,id=m2,size=256M,share=off -device pc-dimm,memdev=m2,node=1,id=dimm""",
)

_ABSENT = {"-device igb,bus=down": (8, 0, 0), "-numa cpu,node-id=0,socket-id=0": (99, 0, 0)}


def _without(line: str, version: tuple[int, int, int]) -> str:
    for text, since in _ABSENT.items():
        if version < since:
            line = line.replace(text, "")
    return line


def lines_for(version: tuple[int, int, int]) -> list[list[str]]:
    """The words of each line, without a binary; for a QEMU of this version."""
    texts = [*OLD_LINES, *_OLD, *(LINES if version >= (7, 2, 0) else ())]
    return [shlex.split(f"{_HEAD} {_of_no_file(_without(text, version))}") for text in texts]


def _of_no_file(text: str) -> str:
    """The line without a file of the tests."""
    text = re.sub(r"(?<=[,{:])\s+", "", text)
    for written, instead in _OF_FILES:
        text = text.replace(written, instead)
    assert "@dir@" not in text, text
    return text
