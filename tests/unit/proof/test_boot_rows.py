"""What becomes of the options whose file a machine begins with."""

from __future__ import annotations

import struct

import pytest

from prober.proof import blobs
from tests.unit.proof.benches import bench_of, only_file, words_of
from tests.unit.proof.ready import started

CASES = [
    ("-kernel /boot/vmlinuz -initrd /i,j -append 'root=/dev/vda x,y'",
     "-kernel D/0-vmlinuz -initrd D/1-i_j -append root=/dev/vda x,y"),
    ("-shim /a -dtb /b.dtb", "-shim D/0-a -dtb D/1-b.dtb"),
    ("-bios /x/OVMF.fd", "-bios D/0-OVMF.fd"),
    ("-bios bios-256k.bin", "-bios bios-256k.bin"),
    ("-bios mine.bin", "-bios D/0-mine.bin"),
    ("-L /firmware", "-L /firmware"),
    ("-acpitable sig=SLIC,file=/x,,y", "-acpitable sig=SLIC,file=D/0-x_y"),
    ("-acpitable sig=SLIC,data=/x:/y", "-acpitable sig=SLIC,data=D/0-y"),
    ("-smbios file=/x", "-smbios file=D/0-x"),
    ("-smbios type=11,path=/x,value=y,path=/z", "-smbios type=11,path=D/0-x,value=y,path=D/1-z"),
    ("-smbios type=1,serial=file", "-smbios type=1,serial=file"),
    ("-fw_cfg opt/a,file=/x", "-fw_cfg opt/a,file=D/0-x"),
    ("-fw_cfg name=opt/a,string=b", "-fw_cfg name=opt/a,string=b"),
    ("-option-rom /x.rom,bootindex=2", "-option-rom D/0-x.rom,bootindex=2"),
    ("-device e1000,romfile=/x.rom,addr=3", "-device e1000,romfile=D/0-x.rom,addr=3"),
    ("-device '{\"driver\":\"e1000\",\"romfile\":\"\"}'", '-device {"driver":"e1000","romfile":""}'),
    ("-device '{\"driver\":\"e1000\",\"romfile\":\"/x\"}'", '-device {"driver":"e1000","romfile":"D/0-x"}'),
    ("-device virtio-blk-pci,drive=d", "-device virtio-blk-pci,drive=d"),
    ("-device loader,file=/x,addr=0x100", "-device loader,file=D/0-x,addr=0x100"),
    ("-device guest-loader,kernel=/x,addr=0x100", "-device guest-loader,kernel=D/0-x,addr=0x100"),
    ("-machine q35,kernel=/k,initrd=/i", "-machine q35,kernel=D/0-k,initrd=D/1-i"),
    ("-M virt,firmware=/f,dtb=/d", "-M virt,firmware=D/1-f,dtb=D/0-d"),
    ("-kernel /k -initrd /k", "-kernel D/0-k -initrd D/1-k"),
    ("-acpitable file=/x -acpitable file=/x", "-acpitable file=D/0-x -acpitable file=D/0-x"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "started"), CASES, ids=[line[:60] for line, _ in CASES])
def test_the_path_changes_and_the_rest_stays(line: str, started: str) -> None:
    bench = bench_of(line)
    assert words_of(bench) == started
    assert len(bench.replaced) >= len(bench.files)


def test_firmware_that_is_there_is_kept() -> None:
    path = "/usr/share/seabios/bios.bin"
    assert not bench_of(f"-bios {path}", here=frozenset((path,))).files
    assert only_file(bench_of(f"-bios {path}")).size == blobs.FIRMWARE_SIZE


def test_loaders_without_an_address_do_not_overlap() -> None:
    first, second = bench_of("-device loader,file=/x -device loader,file=/y").files
    places = [struct.unpack_from("<Q", file.content, 64 + 24)[0] for file in (first, second)]
    assert abs(places[0] - places[1]) >= 4096
    assert blobs.program("sparc", 0) == blobs.ANYTHING
    assert blobs.program("arm", 0)[:5] == b"\x7fELF\x01"


def test_tables_add_up() -> None:
    table = blobs.acpi_table()
    assert (len(table), struct.unpack_from("<I", table, 4)[0], sum(table) & 0xFF) == (36, 36, 0)
    tree = blobs.device_tree()
    assert struct.unpack_from(">II", tree) == (0xD00DFEED, len(tree))


def test_a_file_that_is_no_text_is_left_for_qemu_to_refuse() -> None:
    line = """-device '{"driver":"e1000","romfile":false}'"""
    assert started(line) == '-device {"driver":"e1000","romfile":false}'
