"""Drives and character devices as QEMU 5.2, 7.2, 10.0 and 11.1 took or refused them, which agree on each of these."""

from __future__ import annotations

import pytest

from tests.unit.commandline.rules.test_examples import found
from tests.unit.commandline.rules.test_lines import CAPS

NULL = "file=null-co://,format=raw"

TAKEN = [
    "-machine pc -cdrom null-co:// -hda null-co://",
    '-machine pc -hda \'json:{"driver":"null-co"}\' -hdb \'json:{"driver":"null-co"}\'',
    "-machine microvm -hda null-co:// -cdrom null-co://",
    "-machine pc -drive format=null-co,if=none",
    "-machine pc -drive if=ide,media=cdrom",
    f"-machine pc -drive {NULL},if=virtio,read-only=on",
    f"-machine pc -drive {NULL},if=none,id=a,readonly=on -device virtio-blk-pci,drive=a",
    "-machine pc -blockdev null-co,node-name=a,read-only=on -device virtio-blk-pci,drive=a "
    "-device virtio-blk-pci,drive=a",
    f"-drive {NULL},if=none,aio=native",
    f"-drive {NULL},if=none,iops_size=10,iops=10",
    f"-drive {NULL},if=none,id=a,id=b -device virtio-blk-pci,drive=a",
    "-drive if=none,driver=quorum,children.0.driver=null-co,children.1.driver=null-co,vote-threshold=2",
    "-drive if=none,driver=blkdebug,image.driver=null-co,inject-error.0.event=read_aio,inject-error.0.errno=5",
    "-nographic -machine pc -serial none -monitor stdio",
    "-nographic -machine pc -device isa-serial -chardev stdio,id=x",
    "-chardev null,id=a,mux=on -serial chardev:a -serial chardev:a -monitor chardev:a",
    "-device e1000,bootindex=-1 -device e1000,bootindex=-1",
    "-icount shift=auto,align=on",
]

REFUSED = [
    "-machine microvm -fda null-co://",
    f"-machine isapc -drive {NULL},if=virtio",
    "-machine pc -hdc null-co:// -cdrom null-co://",
    f"-machine pc -drive {NULL},read-only=on",
    "-machine pc -blockdev null-co,node-name=a,read-only=on -blockdev raw,file=a,node-name=b "
    "-device virtio-blk-pci,drive=b",
    f"-drive {NULL},if=none,id=a -device virtio-blk-pci,drive=a,share-rw=on -device virtio-blk-pci,drive=a,share-rw=on",
    f"-drive {NULL},if=none,bps=1000000000000001",
    f"-drive {NULL},if=none,throttling.bps-total-max-length=10,bps=5",
    f"-drive {NULL},if=none,readonly=on,read-only=on",
    f"-drive {NULL},if=none,readonly=auto",
    f"-drive {NULL},if=none,file.foo=bar",
    "-drive if=none,id=a -device virtio-blk-pci,drive=a",
    f"-drive {NULL},if=none,id=a -blockdev raw,file=a,node-name=b",
    "-drive if=none,file=/dev/null,format=raw,aio=native,cache=none,cache.direct=off",
    "-blockdev host_device,node-name=a,filename=/dev/null,aio=native",
    "-nographic -machine pc -monitor stdio",
    "-nographic -machine pc -chardev stdio,id=a",
    "-machine pc -serial mon:stdio -parallel stdio",
    "-nographic -daemonize -machine pc",
    "-icount shift=1,sleep=off,align=on",
    "-object secret,id=m,data=YQ== -object secret,id=s,data=YWJj,keyid=m",
]


@pytest.mark.parametrize("version", CAPS)
@pytest.mark.parametrize("line", TAKEN)
def test_what_qemu_takes_is_sound(line: str, version: str) -> None:
    assert [one for one in found(f"-display none {line}", version) if one[0] != "deprecated"] == []


@pytest.mark.parametrize("version", CAPS)
@pytest.mark.parametrize("line", REFUSED)
def test_what_qemu_refuses_is_an_error(line: str, version: str) -> None:
    assert "error" in {kind for kind, _ in found(f"-display none {line}", version)}
