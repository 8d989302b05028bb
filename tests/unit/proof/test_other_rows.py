"""What becomes of displays, sound, devices and the rest of the options."""

from __future__ import annotations

import pytest

from prober.proof.standin import stand_in
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.proof.ready import THEIRS, made_ready, parts_left_out, refused, started


@pytest.mark.parametrize(
    ("line", "comes_to"),
    [
        ("-vnc :1,password=on", "-vnc 127.0.0.1:1,password=on"),
        ("-vnc unix:/a/b", "-vnc unix:/stand-in/0-b"),
        ("-vnc h:5500,reverse=on", "-vnc unix:/stand-in/0-vnc"),
        ("-vnc none", "-vnc none"),
        ("-vnc :1,websocket=80", "-vnc 127.0.0.1:1,websocket=20080"),
        ("-display gtk,gl=on,zoom-to-fit=on,full-screen=on", "-display none,full-screen=on"),
        ("-nographic", "-nographic"),
        ("-vnc none -audiodev pa,id=a,server=x,out.name=y,out.frequency=1",
         "-vnc none -audiodev none,id=a,out.frequency=1"),
        ("-vnc none -audiodev wav,id=a", "-vnc none -audiodev wav,id=a,path=/stand-in/0-qemu.wav"),
        ("-vnc none -audio pa,model=hda", "-vnc none -audio none,model=hda"),
        ("-fsdev local,id=f,path=/srv,security_model=passthrough",
         "-fsdev local,id=f,path=/stand-in/0-srv,security_model=passthrough"),
        ("-incoming tcp:h:1", "-incoming defer"),
        ("-incoming tcp:h", "-incoming tcp:h"),
        ("-add-fd fd=-1 -add-fd fd=1,set=1 -add-fd fd=3", "-add-fd fd=-1 -add-fd fd=1,set=1 -add-fd fd=3"),
        (f"-vnc unix:{'x' * 108}", f"-vnc unix:{'x' * 108}"),
        ("-incoming wormhole:h", "-incoming wormhole:h"),
        ("-mem-path /dev/hugepages -mem-prealloc -add-fd fd=3,set=1", "-mem-path /stand-in"),
        ("-overcommit mem-lock=on,cpu-pm=on", "-overcommit mem-lock=off,cpu-pm=on"),
        ("-run-with async-teardown=on", "-run-with async-teardown=off"),
        ("-trace enable=x,file=/a/b", "-trace enable=x,file=/stand-in/0-b"),
        ("-boot menu=on,splash=/a/b.jpg", "-boot menu=on,splash=/stand-in/0-b.jpg"),
        ("-device usb-mtp,rootdir=/srv -device usb-tablet,pcap=/a/b",
         "-device usb-mtp,rootdir=/stand-in/0-srv -device usb-tablet,pcap=/stand-in/1-b"),
        ("-device e1000,romfile=", "-device e1000,romfile="),
        ("-k de", "-k de"),
        ("-D /x -S", ""),
    ],
)  # fmt: skip
def test_what_is_the_hosts_is_replaced(line: str, comes_to: str) -> None:
    if comes_to:
        assert started(line) == comes_to
    else:
        assert refused(line)


@pytest.mark.parametrize(
    "line",
    [
        "-daemonize", "-pidfile /x", "-chroot /x", "-runas x", "-run-with user=x", "-readconfig /x", "-plugin /x.so",
        "-qtest unix:/x", "-dump-vmstate /x", "-xen-attach", "-icount 1,rr=record,rrfile=/x",
        "-machine virt,dumpdtb=/x",
        "-machine help", "-cpu help", "-device e1000,help", "-device help", "-netdev help", "-nic model=help",
        "-d help",
        "-chardev ?", "-global e1000.romfile=/etc/shadow", "-global driver=e1000,property=romfile,value=/etc/shadow",
        "-set drive.x.file=/etc/shadow", "-set device.x.romfile=/etc/shadow", "-device foo,evdev=/dev/input/event0",
        "-nosuch",
    ],
)  # fmt: skip
def test_a_line_with_it_is_never_started(line: str) -> None:
    assert refused(line)


def test_a_line_without_a_display_gets_none() -> None:
    bench = made_ready("-machine pc")
    assert [given.words() for given in bench.line] == [["-machine", "pc"], ["-display", "none"]]
    (replaced,) = bench.replaced
    assert (replaced.position, replaced.flag, replaced.by) == (3, "-display", "none")


@pytest.mark.parametrize(
    ("line", "left_out", "comes_to"),
    [
        ("-device vfio-pci,host=01:00.0,id=v -set device.v.x-vga=on", ["-device", "-set"], ""),
        ("-device e1000,id=v -set device.v.mac=1", [], "-device e1000,id=v -set device.v.mac=1"),
        ("-tpmdev emulator,id=t,chardev=c -device tpm-crb,tpmdev=t", ["-tpmdev", "-device"], ""),
        ("-spice port=5900,gl=on", ["-spice gl"], "-spice port=5900,addr=127.0.0.1"),
        ("-device virtio-gpu-pci,blob=on", ["-device blob"], "-device virtio-gpu-pci"),
        ("-preconfig -S", ["-preconfig"], "-S"),
        ("-object memory-backend-epc,id=e,size=1M -machine q35,sgx-epc.0.memdev=e,sgx-epc.0.node=0",
         ["-object", "-machine sgx-epc"], "-machine q35"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_told_with_what_names_it(line: str, left_out: list[str], comes_to: str) -> None:
    assert parts_left_out(line, "7.2") == left_out
    assert started(line, "7.2").replace("-display none", "") == comes_to


def test_a_card_that_draws_with_the_hosts_is_one_that_draws_by_itself() -> None:
    assert started("-device virtio-vga-gl,xres=9", "7.2") == "-device virtio-vga,xres=9"


def test_spice_gets_the_certificates_that_it_is_told_of() -> None:
    text = started("-spice tls-port=99,x509-key-file=/a/k.pem", "7.2")
    assert text == "-spice tls-port=20099,x509-key-file=/stand-in/0-k.pem,addr=127.0.0.1,x509-dir=/stand-in"


@pytest.mark.parametrize(
    ("version", "line"),
    [("5.2.0", "-sdl"), ("5.2.0", "-display sdl"), ("11.1.2", "-vnc none -audiodev pa,id=a")],
)
def test_what_a_qemu_has_not_is_started_as_it_is_written(version: str, line: str) -> None:
    caps = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    bench = stand_in(["qemu", *line.split()], caps, THEIRS)
    assert " ".join(word for given in bench.line for word in given.words()) == line
    assert bench.replaced == []
