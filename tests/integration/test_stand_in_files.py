"""Each stand-in of an image or a file has two twins, judged by every QEMU at hand.

The sound one starts with the stand-in.  The spoilt one has one thing wrong that is kept, and QEMU refuses it for that:
a stand-in must not hide a fault of the line.
"""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

import pytest

from prober.proof.absent import is_absent
from prober.proof.bench import Bench
from prober.proof.drivers import driver_question
from prober.proof.files import make_files
from prober.proof.images import STAND_IN_SECRET
from prober.proof.nodes import BECOMES_FILE, READS
from prober.proof.rows.blocks import BLOCK_DRIVERS
from prober.proof.rows.files import OPTIONS_OF_FILES
from prober.qemu.drivers import words_of_lack
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import Ended, capabilities_of, shared_directory, start_qemu, try_qemu
from tests.unit.proof.benches import apply_rows

pytestmark = pytest.mark.slow

#: What a QEMU says that has not yet, or no more, or was not built with, what a sound line asks for.
HAS_NOT = (
    r"Invalid parameter '[\w-]+'|Unknown driver '[\w-]+'|Parameter '\w+' is unexpected|invalid option"
    r"|does not accept value"
)

#: An enum's wrong value: 7.2 and later, and 5.2.
WRONG = r"does not accept value 'wrong'|Invalid parameter 'wrong'"


class Twins(NamedTuple):
    """A sound line; what spoils it: it is put behind, or is a line by itself; and what QEMU says then.

    ``since`` is the first version that has all of it.
    """

    sound: str
    spoilt: str
    says: str
    since: tuple[int, int] = (5, 2)


SECRET = f"-object secret,id=s,data={STAND_IN_SECRET} "
NODE = "-blockdev node-name=n,driver="
FILE = "file.driver=file,file.filename=/a/disk"
OF_QCOW2 = "file.driver=qcow2,file.file.driver=file,file.file.filename=/a/disk"

#: By the block driver: what is started with, as JSON is with the same tree.
DRIVERS: dict[str, Twins] = {
    "file": Twins(NODE + "file,filename=/a/disk,aio=threads", ",aio=wrong", WRONG),
    "host_device": Twins(NODE + "host_device,filename=/dev/sda,read-only=on", ",detect-zeroes=wrong", WRONG),
    "host_cdrom": Twins(NODE + "host_cdrom,filename=/dev/sr0,read-only=on", ",locking=wrong", WRONG),
    "rbd": Twins(NODE + "rbd,pool=p,image=i,server.0.host=h,server.0.port=1", ",discard=wrong", WRONG),
    "iscsi": Twins(NODE + "iscsi,transport=tcp,portal=h,target=t,lun=1", ",discard=wrong", WRONG),
    "nbd": Twins(NODE + "nbd,server.type=inet,server.host=h,server.port=1", ",discard=wrong", WRONG),
    "nfs": Twins(NODE + "nfs,server.type=inet,server.host=h,path=/a/disk", ",discard=wrong", WRONG),
    "http": Twins(NODE + "http,url=http://h/a.iso,read-only=on", ",nope=1", "'nope' is unexpected"),
    "https": Twins(NODE + "https,url=https://h/a.iso,sslverify=off,read-only=on", ",nope=1", "'nope' is unexpected"),
    "ftp": Twins(NODE + "ftp,url=ftp://h/a.iso,read-only=on", ",nope=1", "'nope' is unexpected"),
    "ftps": Twins(NODE + "ftps,url=ftps://h/a.iso,read-only=on", ",nope=1", "'nope' is unexpected"),
    "ssh": Twins(NODE + "ssh,server.host=h,server.port=22,path=/a", ",discard=wrong", WRONG),
    "gluster": Twins(NODE + "gluster,volume=v,path=p,server.0.type=unix,server.0.path=/s", ",discard=wrong", WRONG),
    "sheepdog": Twins(NODE + "sheepdog,server.type=inet,server.host=h,server.port=1,vdi=v", ",discard=wrong", WRONG),
    "vxhs": Twins("-drive if=none,driver=vxhs,vdisk-id=v,server.host=h", ",discard=wrong", "discard"),
    "nvme": Twins(NODE + "nvme,device=0000:01:00.0,namespace=1,read-only=on", ",discard=wrong", WRONG),
    "io_uring": Twins(NODE + "io_uring,filename=/a/disk", ",discard=wrong", WRONG),
    "nvme-io_uring": Twins(NODE + "nvme-io_uring,path=/dev/ng0n1", ",discard=wrong", WRONG),
    "virtio-blk-vfio-pci": Twins(NODE + "virtio-blk-vfio-pci,path=/sys/a", ",discard=wrong", WRONG),
    "virtio-blk-vhost-user": Twins(NODE + "virtio-blk-vhost-user,path=/s", ",discard=wrong", WRONG),
    "virtio-blk-vhost-vdpa": Twins(NODE + "virtio-blk-vhost-vdpa,path=/dev/v", ",discard=wrong", WRONG),
    "vvfat": Twins(NODE + "vvfat,dir=/a,rw=on,fat-type=16", ",fat-type=64", "Valid FAT types are only 12, 16 and 32"),
    "null-co": Twins(NODE + "null-co,size=1048576", ",size=-1", "size"),
    "null-aio": Twins(NODE + "null-aio,size=1048576", ",latency-ns=-1", "latency"),
    "raw": Twins(NODE + f"raw,offset=512,size=1048576,{FILE}", ",size=1000", "not multiple of 512"),
    "qcow2": Twins(NODE + f"qcow2,lazy-refcounts=on,{FILE}", ",overlap-check=wrong", WRONG),
    "qcow": Twins(NODE + f"qcow,{FILE}", ",nope=1", "'nope' is unexpected"),
    "qed": Twins(NODE + f"qed,{FILE}", ",nope=1", "'nope' is unexpected"),
    "vmdk": Twins(NODE + f"vmdk,{FILE}", ",nope=1", "'nope' is unexpected"),
    "vdi": Twins(NODE + f"vdi,{FILE}", ",nope=1", "'nope' is unexpected"),
    "vpc": Twins(NODE + f"vpc,{FILE}", ",nope=1", "'nope' is unexpected"),
    "vhdx": Twins(NODE + f"vhdx,{FILE}", ",nope=1", "'nope' is unexpected"),
    # Debian's 5.2 was built without it.
    "parallels": Twins(NODE + f"parallels,{FILE}", ",nope=1", "'nope' is unexpected", (7, 2)),
    "bochs": Twins(NODE + f"bochs,read-only=on,{FILE}", ",nope=1", "'nope' is unexpected"),
    "cloop": Twins(NODE + f"cloop,read-only=on,{FILE}", ",nope=1", "'nope' is unexpected"),
    "dmg": Twins(NODE + f"dmg,read-only=on,{FILE}", ",nope=1", "'nope' is unexpected"),
    "luks": Twins(SECRET + NODE + f"luks,{FILE},key-secret=s", ",key-secret=t", "No secret with id 't'"),
    "throttle": Twins("-object throttle-group,id=g " + NODE + f"throttle,throttle-group=g,{OF_QCOW2}",
                      ",throttle-group=wrong", "Throttle group 'wrong' does not exist"),
    "copy-on-read": Twins(NODE + f"copy-on-read,{OF_QCOW2}", ",nope=1", "'nope' is unexpected"),
    "compress": Twins(NODE + f"compress,{OF_QCOW2}", f" {NODE.replace('=n', '=m')}compress,{FILE}",
                      "Compression is not supported"),
    "preallocate": Twins(NODE + f"preallocate,{FILE},prealloc-align=1048576", ",prealloc-align=1000", "prealloc-align",
                         (7, 2)),
    "replication": Twins(NODE + f"replication,mode=primary,{OF_QCOW2}", ",mode=wrong", WRONG),
    "snapshot-access": Twins(
        f"-blockdev node-name=c,driver=copy-before-write,{FILE},target.driver=file,target.filename=/a/t "
        + NODE + "snapshot-access,file=c", ",nope=1", "'nope' is unexpected", (7, 2)),
    "copy-before-write": Twins(NODE + f"copy-before-write,{FILE},target.driver=file,target.filename=/a/t",
                               ",on-cbw-error=wrong", WRONG, (7, 2)),
    "blkdebug": Twins(NODE + "blkdebug,config=/a/rules,align=512,image.driver=file,image.filename=/a/disk",
                      ",align=1000", "align"),
    "blkverify": Twins(NODE + "blkverify,test.driver=qcow2,test.file.driver=file,test.file.filename=/a/t,"
                       "raw.driver=file,raw.filename=/a/r", ",nope=1", "'nope' is unexpected"),
    "blkreplay": Twins(NODE + "blkreplay,image.driver=file,image.filename=/a/disk", ",nope=1", "'nope' is unexpected"),
    "blklogwrites": Twins(NODE + f"blklogwrites,{FILE},log.driver=file,log.filename=/a/log", ",log-sector-size=1000",
                          "log sector size"),
    "quorum": Twins(NODE + "quorum,vote-threshold=2,children.0.driver=qcow2,children.0.file.driver=file,"
                    "children.0.file.filename=/a/1,children.1.driver=file,children.1.filename=/a/2",
                    ",vote-threshold=3", "threshold"),
}  # fmt: skip

DRIVE = "-drive if=none,id=d,"
READ_ONLY_FLASH = "-machine q35 -drive if=pflash,format=raw,readonly=on,file=/a/code.fd"

#: Options and the ways to write them.
OPTIONS: dict[str, Twins] = {
    "drive": Twins(DRIVE + "file=/a/disk.qcow2,format=qcow2,cache=writeback", ",cache=wrong", "invalid cache option"),
    "drive by its name": Twins(DRIVE + "file=/a/disk.vmdk", ",media=wrong", "'wrong' invalid media"),
    "drive of rbd": Twins(DRIVE + "file=rbd:pool/image:id=x,format=raw", ",werror=wrong", "werror|action"),
    "drive of nbd": Twins(DRIVE + "file=nbd://h/x,format=qcow2", ",aio=wrong", "invalid aio option"),
    "drive of iscsi": Twins(DRIVE + "file=iscsi://h/t/0,format=raw", ",discard=wrong", "discard"),
    "drive of ssh": Twins(DRIVE + "file=ssh://u@h/x,format=qcow2", ",l2-cache-size=1M,cache-size=1K", "cache"),
    "drive of a driver": Twins(DRIVE + "driver=nbd,host=h,port=1", ",nope=1", "nope"),
    "drive of nodes": Twins(DRIVE + "format=qcow2,file.driver=nbd,file.host=h,backing.driver=raw,"
                            "backing.file.filename=/b",
                            ",backing.nope=1", "nope"),
    "drive in JSON": Twins(DRIVE + 'file=json:{"driver":"qcow2",,"file":{"driver":"file",,"filename":"/a"}}',
                           ",readonly=wrong", "'read-only' expects 'on' or 'off'"),
    "drive of a directory": Twins(DRIVE + "file=fat:rw:/a,format=raw", ",format=qcow2", "not in qcow2 format"),
    "drive of blkdebug": Twins(DRIVE + "file=blkdebug:/rules:/a/disk,format=raw", ",file.align=1000", "align"),
    "drive of blkverify": Twins(DRIVE + "file=blkverify:/a/r:/a/t.qcow2,format=raw", ",file.nope=1", "nope"),
    "drive of null": Twins(DRIVE + "file=null-co://,format=raw", ",format=qcow2", "not in qcow2 format"),
    "drive of an unknown protocol": Twins(DRIVE + "file=/a/x:y,format=raw", " -drive if=none,file=nope:x",
                                          "Unknown protocol 'nope'"),
    "drive that is encrypted": Twins(SECRET + DRIVE + "file=/a,format=qcow2,encrypt.format=luks,encrypt.key-secret=s",
                                     ",encrypt.key-secret=t", "No secret with id 't'"),
    "drive that is encrypted of old": Twins(SECRET + DRIVE + "file=/a,format=qcow2", ",encrypt.format=aes,"
                                            "encrypt.key-secret=s", "AES-CBC encrypted qcow2"),
    "drive with a snapshot": Twins(DRIVE + "file=/a/x.qcow2,snapshot=on", ",snapshot=wrong", "snapshot"),
    "luks with a header": Twins(SECRET + NODE + f"luks,key-secret=s,{FILE},header.driver=file,header.filename=/h",
                                ",key-secret=t", "No secret with id 't'", (9, 0)),
    "data in a file of its own": Twins(NODE + f"qcow2,{FILE},data-file.driver=file,data-file.filename=/d",
                                       ",refcount-cache-size=wrong", "refcount-cache-size"),
    "a slice": Twins("-blockdev file,filename=/a,node-name=f -blockdev raw,file=f,offset=1048576,"
                     "size=1073741824,node-name=r " + NODE + "qcow2,file=r", ",overlap-check=wrong", WRONG),
    "one image twice": Twins("-drive file=/a,format=raw,if=ide",
                             " -drive file=/a,format=raw,if=ide", 'get "write" lock'),
    "one address twice": Twins("-drive file=nbd://h/x,format=raw,if=ide -drive file=nbd://h/x,format=raw,if=ide",
                               ",index=0", "drive with bus=0, unit=0"),
    "hda": Twins("-machine pc -hda /a/disk.img -hdb nbd:h:1 -hdc /a/x.qcow2", " -hda b", "drive with bus=0, unit=0"),
    "hdd": Twins("-machine pc -hdd /a,b.img -cdrom /a/x.iso", " -cdrom /b", "drive with bus=1, unit=0"),
    "floppies": Twins("-machine pc -fda /a/x -fdb /b/x", " -fda /c", "drive with bus=0, unit=0"),
    "pflash": Twins("-machine q35 -pflash /a/code.fd -pflash /a/vars.fd", " -drive if=pflash,file=/c,unit=0",
                    "drive with bus=0, unit=0"),
    "pflash of drives": Twins(f"{READ_ONLY_FLASH} -drive if=pflash,format=qcow2,file=/a/vars.fd",
                              " -drive if=pflash,format=raw,file=/a,unit=7", "does not support if=pflash"),
    "pflash of nodes": Twins("-machine q35,pflash0=f -blockdev file,filename=/a/code.fd,node-name=f,read-only=on",
                             " -machine pflash1=wrong", "can't find value 'wrong'"),
    "a floppy drive": Twins("-machine pc -drive if=none,id=d,file=/a,format=raw -device floppy,drive=d",
                            ",drive-type=wrong", f"drive-type|{WRONG}"),
    "a word by itself": Twins("/a/disk.img", " -hda /b/disk.img", "drive with bus=0, unit=0"),
    "sd": Twins("-device sdhci-pci,id=h -drive if=none,id=d,file=/a,format=raw -device sd-card,drive=d", " -sd /b",
                "does not support if=sd"),
    "mtdblock": Twins("-machine pc", " -mtdblock /b", "does not support if=mtd"),
    "snapshot": Twins("-snapshot -hda /a/x.qcow2 -hdb /a/y", " -hda /b", "drive with bus=0, unit=0"),
    "kernel": Twins("-kernel /k -initrd /i -append x -dtb /d", " -append x -machine none",
                    "not supported|only allowed with -kernel"),
    "kernel of q35": Twins("-machine q35 -kernel /k -initrd /i", " -machine vmport=wrong", f"vmport|{WRONG}"),
    "kernel of microvm": Twins("-machine microvm -kernel /k -initrd /i", " -machine rtc=wrong", f"rtc|{WRONG}"),
    "kernel of a machine": Twins("-machine q35,kernel=/k,initrd=/i", " -machine vmport=wrong", f"vmport|{WRONG}"),
    "append": Twins("-kernel /k -append x", "-append x", "-append only allowed with -kernel"),
    "shim": Twins("-kernel /k -shim /s", " -machine shim=/a -machine vmport=wrong", f"vmport|{WRONG}", (10, 0)),
    "bios": Twins("-bios /a/firmware.fd", " -machine bios=wrong", "bios"),
    "bios of isapc": Twins("-machine isapc -bios /a/firmware.fd", " -machine nope=1", "nope"),
    "acpitable": Twins("-acpitable sig=SLIC,file=/a -acpitable data=/b:/c",
                       " -acpitable file=/a,data=/b", "requires one of 'data' or 'file'"),
    "smbios": Twins("-smbios file=/a", " -smbios type=200", "out of range"),
    "fw_cfg": Twins("-fw_cfg opt/a,file=/a", " -fw_cfg opt/b", "are needed|invalid argument"),
    "option-rom": Twins("-option-rom /a.rom -option-rom romfile=/b.rom,bootindex=1", ",bootindex=wrong", "bootindex"),
    "romfile": Twins("-device e1000,romfile=/a.rom", ",romsize=1000", "romsize|power of two"),
    "loader": Twins("-device loader,file=/a -device loader,file=/b -device loader,file=/c,addr=0x1000",
                    ",data-len=4", "Specifying a file is not supported"),
    "management controller": Twins("-device ipmi-bmc-sim,id=b,sdrfile=/a,frudatafile=/b", ",nope=1", "nope"),
    "L": Twins("-L /a", " -device e1000,bus=nope", "Bus 'nope' not found"),
    "loadvm": Twins("-loadvm x -hda /a/x.qcow2", " -hda /b", "drive with bus=0, unit=0"),
    "iscsi": Twins("-machine pc", " -iscsi nope=1", "iscsi"),
}  # fmt: skip

ALL = {**DRIVERS, **OPTIONS}


def has(name: str, place: QemuPlace) -> bool:
    caps = capabilities_of(place)
    is_there = name not in DRIVERS or not is_absent(caps, "block driver", name)
    return is_there and (caps.version.major, caps.version.minor) >= ALL[name].since


def words_of(line: str) -> list[str]:
    return ["qemu", *line.split(" ")]


def judge(place: QemuPlace, line: str, passphrase: str = STAND_IN_SECRET) -> tuple[Ended, Bench]:
    """What a QEMU says of a line with its stand-ins, and with nothing that it names."""
    with shared_directory(place) as (ours, theirs):
        bench = apply_rows(words_of(line), capabilities_of(place), str(theirs))
        given_words = (word for given in bench.line for word in given.words())
        started = [word.replace(f"data={STAND_IN_SECRET}", f"data={passphrase}") for word in given_words]
        with make_files(bench.files, ours):
            words = (place.binary, "-nodefaults", "-display", "none", *started)
            ended = aio(try_qemu(place, words), debug=False)
        assert list(ours.iterdir()) == []
    return ended, bench


def test_each_row_has_its_twins() -> None:
    assert DRIVERS.keys() == BLOCK_DRIVERS.keys()
    lines = " ".join(twins.sound + twins.spoilt for twins in OPTIONS.values())
    flags = set(re.findall(r"(?:^| )(-[\w-]+)", lines))
    assert OPTIONS_OF_FILES.keys() - flags == {""}


@pytest.mark.parametrize("name", ALL)
def test_the_sound_twin_starts(name: str, any_qemu: QemuPlace) -> None:
    ended, bench = judge(any_qemu, ALL[name].sound)
    assert not bench.not_provable
    if has(name, any_qemu):
        assert ended.status == 0, ended.stderr
    elif ended.status:
        assert re.search(HAS_NOT, ended.stderr), ended.stderr


@pytest.mark.parametrize("name", ALL)
def test_the_spoilt_twin_is_refused_for_what_spoils_it(name: str, any_qemu: QemuPlace) -> None:
    twins = ALL[name]
    ended, bench = judge(any_qemu, twins.spoilt if twins.spoilt.startswith("-") else twins.sound + twins.spoilt)
    assert not bench.not_provable
    assert ended.status != 0
    # QEMU repeats the option, and with it what spoils it.
    message = ended.stderr
    for word in sorted((word for given in bench.line for word in given.words()), key=len, reverse=True):
        message = message if word.startswith("-") else message.replace(word, "…")
    assert re.search(twins.says if has(name, any_qemu) else f"{HAS_NOT}|{twins.says}", message), message


def test_the_wrong_passphrase_does_not_open_the_image(any_qemu: QemuPlace) -> None:
    ended, _ = judge(any_qemu, DRIVERS["luks"].sound, passphrase="another")
    assert "Invalid password, cannot unlock any keyslot" in ended.stderr


def test_the_guest_would_see_a_disk_of_the_size(any_qemu: QemuPlace) -> None:
    """Of each format that this QEMU reads."""
    formats = [
        name
        for name in READS
        if name != "raw" and DRIVERS[name].sound.endswith((FILE, OF_QCOW2)) and has(name, any_qemu)
    ]
    line = " ".join(DRIVERS[name].sound.replace("=n,", f"=n{name},").replace("/a/", f"/{name}/") for name in formats)
    with shared_directory(any_qemu) as (ours, theirs):
        bench = apply_rows(words_of(line), capabilities_of(any_qemu), str(theirs))
        words = [word for given in bench.line for word in given.words()]
        with make_files(bench.files, ours):
            nodes = aio(_nodes(any_qemu, (any_qemu.binary, "-display", "none", *words)), debug=False)
    assert {nodes[f"n{name}"] for name in formats} == {1024**3}
    assert len(formats) > 8


async def _nodes(place: QemuPlace, argv: tuple[str, ...]) -> dict[str, int]:
    async with start_qemu(place, argv) as qemu:
        listed = await qemu.execute("query-named-block-nodes")
        return {node["node-name"]: node["image"]["virtual-size"] for node in listed}


def test_a_qemu_tells_which_drivers_it_has(any_qemu: QemuPlace) -> None:
    """Those of this host are built in, and modules may be there or not; nothing is connected to."""
    lacks = aio(_lacking(any_qemu), debug=False)
    assert not lacks & {"file", "host_device", "host_cdrom", "nbd", "nvme"}
    assert "vxhs" in lacks  # gone since 5.2
    if capabilities_of(any_qemu).version.major > 5:
        assert "sheepdog" in lacks


async def _lacking(place: QemuPlace) -> set[str]:
    async with start_qemu(place, (place.binary, "-nodefaults", "-machine", "none", "-display", "none")) as qemu:
        lacks = set()
        async with asyncio.timeout(20):
            for driver in BECOMES_FILE:
                command, arguments = driver_question(driver)
                if words_of_lack(driver, await qemu.execute(command, **arguments)):
                    lacks.add(driver)
    return lacks
