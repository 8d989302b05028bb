"""What becomes of the options that name images."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.proof.nodes import BECOMES_FILE, NOWHERE, READS
from prober.proof.row import KEPT, Treatment
from prober.proof.rows.blocks import BLOCK_DRIVERS
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.proof.benches import bench_of, only_file, words_of

GIB = 1024**3
QCOW2 = b"QFI\xfb\0\0\0\3"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("qemu-[0-9]*.xz")), ids=lambda path: path.name)
def test_each_driver_of_a_recording_has_a_row(path: Path) -> None:
    schema = load_capabilities(path).schema_
    assert schema is not None
    command = schema.command("blockdev-add")
    assert command is not None
    drivers = next(member.type for member in schema.members(command["arg-type"]) if member.name == "driver")
    assert set(schema.enum_values(drivers)) <= BLOCK_DRIVERS.keys()


def test_no_driver_is_in_two_tables() -> None:
    assert len(BLOCK_DRIVERS) == len(READS) + len(BECOMES_FILE) + len(NOWHERE) + len(["vvfat"])
    assert {name for name, row in BLOCK_DRIVERS.items() if row == KEPT} == set(NOWHERE)
    assert all(row.change for row in BLOCK_DRIVERS.values() if row.treatment is Treatment.stood_in)


CASES = [
    # a path of this host
    ("-blockdev driver=file,filename=/a/x.img,node-name=f,cache.direct=on",
     "-blockdev driver=file,filename=D/0-x.img,node-name=f,cache.direct=on"),
    ("-blockdev '{\"driver\":\"host_device\",\"filename\":\"/dev/sda\",\"node-name\":\"f\",\"aio\":\"native\"}'",
     '-blockdev {"driver":"file","filename":"D/0-sda","node-name":"f","aio":"native"}'),
    ("-blockdev host_cdrom,filename=/dev/sr0,node-name=f,read-only=on",
     "-blockdev file,filename=D/0-sr0,node-name=f,read-only=on"),
    # an address
    ("-blockdev driver=rbd,pool=p,image=i,node-name=f,server.0.host=h,server.0.port=1,discard=unmap",
     "-blockdev driver=file,node-name=f,discard=unmap,filename=D/0-i"),
    ("-blockdev '{\"driver\":\"nbd\",\"server\":{\"path\":\"/s\"},\"export\":\"e\",\"discard\":\"x\"}'",
     '-blockdev {"driver":"file","discard":"x","filename":"D/0-e"}'),
    ("-blockdev driver=https,url=https://a/b.iso,node-name=f,password-secret=s,read-only=on",
     "-blockdev driver=file,node-name=f,read-only=on,filename=D/0-b.iso"),
    # a node in a node
    ("-blockdev driver=qcow2,node-name=q,lazy-refcounts=on,file.driver=file,file.filename=/x,file.locking=off",
     "-blockdev driver=qcow2,node-name=q,lazy-refcounts=on,file.driver=file,file.filename=D/0-x,file.locking=off"),
    ("-blockdev driver=blkdebug,node-name=b,config=/c,image.driver=file,image.filename=/x",
     "-blockdev driver=blkdebug,node-name=b,config=D/0-c,image.driver=file,image.filename=D/1-x"),
    ("-blockdev driver=vvfat,dir=/d,node-name=v,rw=on", "-blockdev driver=vvfat,dir=D/0-d,node-name=v,rw=on"),
    ("-blockdev driver=null-co,node-name=n,size=1M", "-blockdev driver=null-co,node-name=n,size=1M"),
    # -drive and its filenames
    ("-drive file=/v/a.img,format=raw,if=virtio,cache=none", "-drive file=D/0-a.img,format=raw,if=virtio,cache=none"),
    ("-drive /v/a.img,format=raw", "-drive /v/a.img,format=raw"),
    ("-drive if=none,id=d", "-drive if=none,id=d"),
    ("-drive file=null-co://,format=raw", "-drive file=null-co://,format=raw"),
    ("-drive file=nope:a,format=raw", "-drive file=nope:a,format=raw"),
    ("-drive file=rbd:pool/image:conf=/c,format=raw", "-drive file=D/0-c,format=raw"),
    ("-drive file=a,,b.img,file.locking=off,format=raw", "-drive file=D/0-a_b.img,file.locking=off,format=raw"),
    ("-drive file=fat:rw:/d,format=raw", "-drive file=fat:rw:D/0-d,format=raw"),
    ("-drive file=blkdebug:/c:/x,format=raw", "-drive file=blkdebug:D/0-c:D/1-x,format=raw"),
    ("-drive file=blkdebug::/x,format=raw", "-drive file=blkdebug::D/0-x,format=raw"),
    ("-drive file=blkverify:/r:/x,format=raw", "-drive file=blkverify:D/0-r:D/1-x,format=raw"),
    ("-drive 'file=json:{\"driver\":\"raw\",,\"file\":{\"driver\":\"ssh\",,\"path\":\"/x\"}}'",
     '-drive file=json:{"driver":"raw",,"file":{"driver":"file",,"filename":"D/0-x"}}'),
    ("-drive 'file=json:{\"file.driver\":\"nbd\",,\"file.path\":\"/s\"},format=raw'",
     '-drive file=json:{"file":{"driver":"file",,"filename":"D/0-s"}},format=raw'),
    ("-drive file.driver=nbd,file.host=h,file.port=1,format=raw",
     "-drive file.driver=file,format=raw,file.filename=D/0-nbd"),
    ("-drive driver=nbd,host=h,port=1,if=none,id=d", "-drive driver=file,if=none,id=d,filename=D/0-nbd"),
    ("-drive format=nbd,file=nbd://h/e,if=none,id=d", "-drive format=file,file=D/0-e,if=none,id=d"),
    ("-drive file.filename=/x,format=qcow2,backing.driver=raw,backing.file.filename=/y",
     "-drive file.filename=D/0-x,format=qcow2,backing.driver=raw,backing.file.filename=D/1-y"),
    ("-drive file=/x,backing.file.filename=/y", "-drive file=D/1-x,backing.file.filename=D/0-y"),
    # a filename and nothing else
    ("-hda a,b.img", "-hda D/0-a_b.img"),
    ("-cdrom https://h/x.iso?y=z", "-cdrom D/0-x.iso"),
    ("disk.img -snapshot", "D/0-disk.img -snapshot"),
    # one path named twice is one file, and one address is not
    ("-hda /x -hdb /x", "-hda D/0-x -hdb D/0-x"),
    ("-hda nbd://h/x -hdb nbd://h/x", "-hda D/0-x -hdb D/1-x"),
    ("-hda nbd+unix:///x?socket=/s -hdb nbd:h:10809:exportname=e", "-hda D/0-x -hdb D/1-h_10809_exportname_e"),
    # QEMU reads no address in these.
    ("-hda nbd:// -hdb nbd://h:99999/x", "-hda nbd:// -hdb nbd://h:99999/x"),
    ("-hda nbd+unix:///x -hdb nbd://h/x?y=1", "-hda nbd+unix:///x -hdb nbd://h/x?y=1"),
    ("-hda nbd:foo -hdb nbd:unix:", "-hda nbd:foo -hdb nbd:unix:"),
    ("-iscsi initiator-name=x", "-iscsi initiator-name=x"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "started"), CASES, ids=[line[:60] for line, _ in CASES])
def test_the_path_changes_and_the_rest_stays(line: str, started: str) -> None:
    bench = bench_of(line)
    assert words_of(bench) == started
    assert not bench.not_provable
    assert not bench.left_out


FORMATS = [
    ("-blockdev driver=file,filename=/x,node-name=f -blockdev driver=qcow2,file=f,node-name=q", QCOW2),
    ("-blockdev driver=qcow2,file.driver=nfs,file.path=/x,node-name=q", QCOW2),
    ("-blockdev file,filename=/x,node-name=f -blockdev throttle,file=f,node-name=t -blockdev qcow2,file=t,node-name=q",
     QCOW2),
    ("-blockdev file,filename=/x,node-name=f -drive file.driver=qcow2,file.file=f,if=none,id=d", QCOW2),
    ("-blockdev file,filename=/x,node-name=f -drive driver=qcow2,file.driver=throttle,file.file=f,if=none,id=d", QCOW2),
    ("-drive file=/x,format=qcow2", QCOW2),
    ("-drive file=/x.QCOW2", QCOW2),
    ("-hda /x.qcow2", QCOW2),
    ("-hda /x.vmdk", b"KDMV"),
    ("-drive file=rbd:p/i,format=qcow2", QCOW2),
    ("-drive 'file=json:{\"driver\":\"file\",,\"filename\":\"/x\"},format=qcow2'", QCOW2),
    ("-drive file=blkdebug::/x,format=qcow2", QCOW2),
    ("-drive file=/x.qcow2,format=raw", b""),
    ("-hda /x.img", b""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "magic"), FORMATS, ids=[line[:60] for line, _ in FORMATS])
def test_a_file_has_the_format_that_is_read_from_it(line: str, magic: bytes) -> None:
    file = only_file(bench_of(line))
    assert file.content[: len(QCOW2)].startswith(magic) if magic else not file.content
    assert magic or file.size == GIB


def test_a_path_that_is_read_as_raw_and_as_a_format_has_the_format() -> None:
    assert only_file(bench_of("-drive file=/x,format=raw -drive file=/x,format=qcow2")).content.startswith(QCOW2)
    assert only_file(bench_of("-drive file=/x,format=qcow2 -drive file=/x,format=raw")).content.startswith(QCOW2)


def test_a_slice_has_its_image_where_it_begins() -> None:
    line = "-blockdev file,filename=/x,node-name=f -blockdev raw,file=f,node-name=s,offset=64K,size=100M"
    file = only_file(bench_of(line))
    assert (file.content, file.size) == (b"", 64 * 1024 + 100 * 1024**2)
    file = only_file(bench_of(f"{line} -blockdev qcow2,file=s,node-name=q"))
    assert (file.content[:8], file.at, file.size) == (QCOW2, 64 * 1024, 64 * 1024 + 100 * 1024**2)


SIZES = [
    ("-fda /x", 1_474_560),
    ("-drive file=/x,format=raw,if=floppy", 1_474_560),
    ("-drive file=/x,format=raw,if=none,id=a -device floppy,drive=a", 1_474_560),
    ("-blockdev file,filename=/x,node-name=a -device isa-fdc,driveA=a", 1_474_560),
    ("-pflash /x", 2 * 1024**2),
    ("-drive file=/x,format=raw,if=pflash", 2 * 1024**2),
    ("-machine q35,pflash0=p -blockdev file,filename=/x,node-name=f -blockdev raw,file=f,node-name=p", 2 * 1024**2),
    ("-blockdev file,filename=/x,node-name=a -device virtio-blk-pci,drive=a", GIB),
    ("-sd /x", GIB),
]


@pytest.mark.parametrize(("line", "size"), SIZES, ids=[line[:60] for line, _ in SIZES])
def test_a_disk_has_a_size_that_its_device_takes(line: str, size: int) -> None:
    assert only_file(bench_of(line)).size == size


def test_external_data_and_a_backing_image_are_disks() -> None:
    line = (
        "-blockdev qcow2,node-name=q,file.driver=file,file.filename=/x,data-file.driver=file,data-file.filename=/d,"
        "backing.driver=raw,backing.file.driver=file,backing.file.filename=/b"
    )
    image, *others = sorted(bench_of(line).files, key=lambda file: -len(file.content))
    assert image.content[72:80] == bytes([0, 0, 0, 0, 0, 0, 0, 4])
    assert [(file.content, file.size) for file in others] == [(b"", GIB)] * 2


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-blockdev nope,node-name=a", "-blockdev: no rule for block driver nope"),
        ("-drive file=/x,format=nope", "-drive: no rule for block driver nope"),
        ("-blockdev luks,node-name=l,file.driver=file,file.filename=/x -blockdev qcow2,file=l,node-name=q",
         "-blockdev: there is no stand-in for an image of qcow2 inside luks, 1 GiB"),
        ("-blockdev raw,offset=1E,node-name=r,file.driver=file,file.filename=/x",
         "-blockdev: there is no stand-in for an image of raw, 1 GiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_stood_in_for_is_not_started(line: str, why: str) -> None:
    assert bench_of(line).not_provable == [why]


def test_a_driver_of_the_network_is_to_be_asked_for() -> None:
    line = "-drive file=rbd:p/i,format=raw -blockdev nbd,server.type=unix,server.path=/s,node-name=n -hda /x"
    assert {name: given.flag for name, given in bench_of(line).drivers.items()} == {"rbd": "-drive", "nbd": "-blockdev"}


def test_firmware_that_is_there_is_kept_where_it_is_only_read() -> None:
    code = "/usr/share/OVMF/OVMF_CODE.fd"
    here = frozenset((code,))
    assert not bench_of(f"-drive file={code},if=pflash,format=raw,readonly=on", here=here).files
    assert not bench_of(f"-blockdev file,filename={code},node-name=f,read-only=on", here=here).files
    assert bench_of(f"-drive file={code},if=pflash,format=raw", here=here).files
    assert bench_of(f"-drive file={code},if=pflash,format=raw,readonly=on").files


def test_what_was_replaced_is_told() -> None:
    tree = '{"driver":"quorum","children":[{"driver":"file","filename":"/x"},{"driver":"nbd","server":{}}]}'
    told = [(item.flag, item.part, item.by) for item in bench_of(f"-blockdev '{tree}' -drive file=/y").replaced]
    assert told == [
        ("-blockdev", "children.0.filename", f"{'/standins'}/0-x (raw, 1 GiB)"),
        ("-blockdev", "children.1", f"{'/standins'}/1-nbd (raw, 1 GiB)"),
        ("-drive", "file", f"{'/standins'}/2-y (raw, 1 GiB)"),
    ]


def test_the_state_of_a_guest_is_left_out() -> None:
    bench = bench_of("-loadvm snap")
    assert words_of(bench) == ""
    assert [item.why for item in bench.left_out] == ["the state of a guest is in its own image"]


@pytest.mark.slow
def test_hostile_lines_come_to_an_end() -> None:
    deep = '{"driver":"raw","file":' * 800 + "{}" + "}" * 800
    assert bench_of(f"-blockdev '{deep}'").not_provable == [
        "-blockdev: it has too many nodes, or they are nested too deeply"
    ]
    assert bench_of(f"-drive 'file=json:{deep.replace(',', ',,')}'").not_provable
    assert bench_of("-drive " + "file." * 800 + "driver=raw").not_provable
    many = ",".join(f"children.{number}.driver=file" for number in range(5000))
    assert bench_of(f"-drive driver=quorum,{many}").not_provable
    assert not bench_of("-drive file=" + "blkdebug:a:" * 5000 + "/x").files
    assert not bench_of("-drive 'file=json:" + '{"file":' * 5000 + "'").files
    line = " ".join(f"-blockdev raw,file=n{n},node-name=n{n + 1}" for n in range(300))
    assert not bench_of(line).not_provable
