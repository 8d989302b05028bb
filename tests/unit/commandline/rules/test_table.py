"""What QEMU asks for of options together: each rule finds its fault, and says nothing of a line without it."""

from __future__ import annotations

import pytest

from prober.commandline.check import check
from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line, split_shell
from prober.commandline.refusal import Finding, Kind
from prober.commandline.rules.rule import Rule
from prober.commandline.rules.table import RULES, rules_for
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.commandline.rules import test_lines
from tools.rules_page import PAGE, render_page

CAPS = {
    version: load_capabilities(FIXTURES / f"qemu-{version}.replies.xz") for version in ("5.2.0", "7.2.22", "10.0.13")
}

_Q35 = "-M q35 -nodefaults"
_DIMMS = "-M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=64M"
_CPU = "-M pc -smp 1,maxcpus=4,sockets=2,cores=2,threads=1 -cpu qemu64"
_NODE = "-object memory-backend-ram,id=a,size=64M -object memory-backend-ram,id=b,size=64M"
_NUMA = f"-m 128 {_NODE} -numa node,memdev=a,cpus=0 -numa node,memdev=b"
_HMAT = f"-M pc,hmat=on {_NUMA} -numa hmat-lb,initiator=0,target=0,hierarchy=memory"

#: A command line, what is found in it, and what to put in which place to make it sound; for the version, or 10.0.13.
SPOILT: tuple[tuple[str, str, str, str, str], ...] = (
    ("-device virtio-scsi-pci,id=s -blockdev null-co,node-name=n -device scsi-hd,drive=n,bus=s.0,scsi-id=1,lun=0 "
     "-device scsi-cd,bus=s.0,scsi-id=1,lun=0", "unit 0 of target 1", "scsi-cd,bus=s.0,scsi-id=1",
     "scsi-cd,bus=s.0,scsi-id=2", ""),
    ("-M pc -nodefaults -device ide-cd,bus=ide.0,unit=2", "has 2 units, and no unit 2", "unit=2", "unit=1", ""),
    (f"{_Q35} -device ide-cd,bus=ide.0 -device ide-cd,bus=ide.0", "ide.0 has 1 unit, and no unit 1", "bus=ide.0 ",
     "bus=ide.1 ", ""),
    ("-hda a -cdrom a", "the image 'a', which another writes to", "-cdrom a", "-cdrom b", ""),
    ("-blockdev file,node-name=n,filename=a -device virtio-blk-pci,drive=n -device virtio-blk-pci,drive=n",
     "the node 'n' is written to by another already", "filename=a", "filename=a,read-only=on", ""),
    ("-netdev socket,id=n,mcast=1.2.3.4:5", "1.2.3.4 is no multicast address", "1.2.3.4", "230.2.3.4", ""),
    ("-M pc a.img b.img", "index=0) of if=ide, which 'a.img', a word without a dash, has", " a.img", "", ""),
    ("-M pc -drive file=a,index=4", "has no such place", "index=4", "index=3", ""),
    ("-M pc -nodefaults a.img -device ide-cd,bus=ide.0,unit=0", "taken by 'a.img', a word", "unit=0", "unit=1", ""),
    ("-M q35 -nodefaults a.img -device ide-cd,bus=ide.0", "the only unit of ide.0 is taken by 'a.img', a word",
     "bus=ide.0", "bus=ide.1", ""),
    ("-M pc -nodefaults -fda a -device floppy,unit=0", "floppy unit 0 is taken by -fda", "unit=0", "unit=1", ""),
    ("-M pc -device floppy,unit=2", "a floppy controller has 2 units", "unit=2", "unit=1", ""),
    ("-device qemu-xhci,id=x -device usb-kbd,bus=x.0,port=1 -device usb-tablet,bus=x.0,port=1",
     "port 1 of x.0 is taken",
     "tablet,bus=x.0,port=1", "tablet,bus=x.0,port=2", ""),
    ("-device qemu-xhci,id=x -device usb-kbd,bus=x.0,port=1.1", "there is no hub at port 1", "port=1.1", "port=1", ""),
    ("-object memory-backend-file,id=m,size=1M", "needs mem-path", "size=1M", "size=1M,mem-path=/a", "5.2.0"),
    ("-blockdev null-co,node-name=n,detect-zeroes=unmap", "needs discard=unmap", "=unmap", "=unmap,discard=unmap", ""),
    ("-blockdev raw,node-name=n,size=321,file.driver=null-co", "a multiple of 512, not 321", "321", "512", ""),
    ("-blockdev null-co,node-name=n,read-only=on -blockdev copy-on-read,node-name=c,file=n", "which is read-only",
     "read-only=on", "read-only=off", ""),
    ("-object throttle-group,id=t,x-iops-total-max=9", "iops-total-max needs iops-total", "-max=9", "=9", ""),
    ("-object throttle-group,id=t,x-iops-total=9,x-iops-read=9", "cannot be with iops-read", ",x-iops-read=9", "", ""),
    ("-object throttle-group,id=t,x-iops-size=9", "iops-size needs one of", "x-iops-size=9",
     "x-iops-size=9,x-iops-total=1",
     ""),
    ("-object throttle-group,id=t,x-bps-read=9,x-bps-read-max=8", "lower than bps-read: 8 against 9", "max=8",
     "max=10", ""),
    ("-object throttle-group,id=t,x-bps-read=9,x-bps-read-max-length=3", "needs bps-read-max", "-length=3", "=10", ""),
    ("-chardev socket,id=c,path=/a,wait=off", "wait is of a socket chardev that is a server", "wait=off",
     "server=on,wait=off", ""),
    ("-chardev socket,id=c,path=/a,host=b,port=1", "one of path, fd and host", ",host=b,port=1", "", ""),
    ("-chardev socket,id=c", "one of path, fd and host", "id=c", "id=c,path=/a", "5.2.0"),
    ("-chardev socket,id=c", "one of path, fd and host", "id=c", "id=c,server=on", ""),
    ("-chardev socket,id=c,fd=0x1", "the number of a descriptor, not '0x1'", "0x1", "5", ""),
    ("-chardev socket,id=c,host=b,port=1,ipv4=off,ipv6=off", "has IPv4 or IPv6", "ipv6=off", "ipv6=on", ""),
    ("-chardev mux,id=c,chardev=n -chardev null,id=n", "stands behind the chardev", "chardev=n ", "chardev=any ", ""),
    ("-chardev hub,id=c,chardevs.0=n -chardev null,id=n", "stands behind the chardev", "chardevs.0=n ",
     "chardevs.0=any ", ""),
    ("-chardev ringbuf,id=c,size=65537", "a power of two, not 65537", "65537", "65536", ""),
    ("-chardev memory,id=c,size=3K", "a power of two, not 3072", "3K", "4K", ""),
    ("-netdev user,id=n -device e1000,netdev=n -netdev user,id=o -device e1000,netdev=n", "'n' serves another already",
     "o -device e1000,netdev=n", "o -device e1000,netdev=o", ""),
    ("-netdev user,id=n -netdev user,id=o -netdev hubport,id=h,hubid=1,netdev=n -device e1000,netdev=n",
     "'n' serves another already", "e1000,netdev=n", "e1000,netdev=o", ""),
    ("-chardev null,id=c -chardev null,id=d -device isa-serial,chardev=c -device isa-serial,chardev=c",
     "'c' serves another already", "c -device isa-serial,chardev=c", "c -device isa-serial,chardev=d", ""),
    ("-chardev null,id=c -mon chardev=c -device isa-serial,chardev=c", "'c' serves another already", "id=c",
     "id=c,mux=on", ""),
    ("-chardev null,id=c -chardev mux,id=m,chardev=c -device isa-serial,chardev=c -mon m", "'c' serves another already",
     "isa-serial,chardev=c", "isa-serial,chardev=m", ""),
    ("-device e1000,id=1a", "'1a' is no id", "1a", "a1", ""),
    ("-netdev user,id=a/b", "'a/b' is no id", "a/b", "ab", ""),
    ("-fsdev local,id=,path=/a,security_model=none", "'' is no id", "id=", "id=f", ""),
    ("-m 64,id=a", "-m has no id", ",id=a", "", "7.2.22"),
    ("-blockdev null-co,node-name=#n", "'#n' is no name of a block node", "#n", "n", ""),
    ("-blockdev raw,node-name=n,file.driver=null-co,file.node-name=1", "'1' is no name of a block node", "=1",
     "=m1", ""),
    (f"-drive if=none,driver=null-co,node-name={'n' * 32}", "longer than the 31 characters", "n" * 32, "n" * 31, ""),
    ("-chardev socket,id=c,host=b", "with host needs port", "host=b", "host=b,port=1", ""),
    ("-chardev spiceport,id=c,name=n", "needs -spice", "-chardev", "-spice port=5900 -chardev", "5.2.0"),
    ("-blockdev null-co,node-name=n -device virtio-scsi-pci,id=s -device ide-hd,drive=n,cyls=5,heads=5",
     "needs all of them",
     "heads=5", "heads=5,secs=5", ""),
    ("-object iothread,id=i -device virtio-scsi-pci,iothread=i,ioeventfd=off", "needs ioeventfd=on", "=off", "=on", ""),
    ("-M pc,pflash1=n -blockdev null-co,node-name=n -blockdev null-co,node-name=o", "pflash1 needs pflash0", "pc,",
     "pc,pflash0=o,", ""),
    (f"{_DIMMS} -no-acpi -device pc-dimm,memdev=m", "pc-dimm needs ACPI", "-no-acpi ", "", "7.2.22"),
    (f"{_DIMMS} -device nvdimm,memdev=m".replace("nvdimm=on", "acpi=on"), "needs -machine nvdimm=on", "acpi=on",
     "nvdimm=on", ""),
    (f"{_DIMMS} -device pc-dimm,memdev=m".replace(",maxmem=1G", "").replace(",slots=2", ""), "needs -m with maxmem",
     "-m 64", "-m 64,slots=2,maxmem=1G", ""),
    (f"{_DIMMS} -device pc-dimm,memdev=m,slot=2", "no slot 2", "slot=2", "slot=1", ""),
    (f"{_DIMMS} -device pc-dimm,memdev=m -device pc-dimm,memdev=m", "is in use already",
     " -device pc-dimm,memdev=m", "", ""),
    (f"{_DIMMS} -device virtio-mem-pci,memdev=m -overcommit mem-lock=on", "cannot be with locked memory", "lock=on",
     "lock=off", ""),
    (f"{_DIMMS} -device virtio-mem-pci,memdev=m -overcommit mem-lock=on-fault", "cannot be with locked memory",
     "on-fault", "off", ""),
    (f"{_DIMMS} -device nvdimm,memdev=m,label-size=7", "131072 or more, not 7", "=7", "=128k", ""),
    (f"{_DIMMS} -device pc-dimm,memdev=m,node=1", "no node 1", "node=1", "node=0", ""),
    ("-m 2G,maxmem=1G", "less than the size", "2G", "1G", ""),
    ("-cpu qemu64 -m 1G,slots=2,maxmem=2T", "more than 40 bits of addresses", "qemu64", "qemu64,phys-bits=48", ""),
    (f"{_CPU} -device qemu64-x86_64-cpu,socket-id=1,thread-id=0", "needs core-id", "socket-id=1",
     "socket-id=1,core-id=0",
     ""),
    (f"{_CPU} -device kvm64-x86_64-cpu,socket-id=1,core-id=0,thread-id=0", "of the machine's own type", "kvm64",
     "qemu64", ""),
    ("-M q35 -accel tcg -smp 256", "has no APIC for more than 255", "256", "254", "7.2.22"),
    ("-M q35 -accel tcg -cpu qemu64 -smp 256", "need x2apic", "qemu64", "qemu64,x2apic=on", ""),
    ("-netdev socket,id=n", "needs one of fd, listen", "id=n", "id=n,fd=3", ""),
    ("-netdev dgram,id=n,local.type=inet,local.host=::1,local.port=1", "needs remote where local is inet",
     "local.port=1",
     "local.port=1,remote.type=inet,remote.host=::1,remote.port=2", ""),
    ("-netdev user,id=n,ipv6=on,host=10.0.2.9", "host is of IPv4, which is off here", "ipv6=on", "ipv4=on", ""),
    ("-netdev user,id=n,net=10.1.0.0/24,dhcpstart=10.0.2.9", "is not in the network 10.1.0.0/24", "10.1.0.0",
     "10.0.2.0", ""),
    ("-netdev user,id=n -device virtio-net-pci,netdev=n,tx_queue_size=1024", "up to 256 where a user netdev",
     "1024", "256",
     ""),
    (f"{_NUMA},nodeid=2", "there is no NUMA node 1", ",nodeid=2", "", ""),
    (f"{_NUMA} -numa dist,src=0,dst=5,val=20", "dst is NUMA node 5, which is not there", "dst=5", "dst=1", ""),
    (f"{_NUMA} -numa dist,src=0,dst=1,val=5", "a distance is from 10 to 255, not 5", "val=5", "val=15", ""),
    (f"-M pc,hmat=on {_NUMA} -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,latency=5",
     "of access-bandwidth needs bandwidth", "latency=5", "bandwidth=5M", ""),
    (f"-M pc,hmat=on {_NUMA} -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=read-latency",
     "needs latency",
     "read-latency", "read-latency,latency=5", ""),
    (f"{_HMAT},data-type=access-bandwidth,bandwidth=5K",
     "a multiple of 1 MiB", "5K", "5M", ""),
    (f"-M pc,hmat=off {_NUMA},initiator=0", "needs -machine hmat=on", "hmat=off", "hmat=on", ""),
    (f"-M pc,hmat=on {_NUMA},initiator=0,cpus=1 -smp 2", "is its own initiator", "initiator=0", "initiator=1", ""),
    (_NUMA.replace("-m 128", "-m 192"), "the memory of all NUMA nodes is 134217728 bytes", "-m 192", "-m 128", ""),
    (f"-M pc,memory-backend=m {_NUMA} -object memory-backend-ram,id=m,size=128M", "not of both",
     ",memory-backend=m", "", ""),
    ("-M pc-i440fx-7.2 -m 64 -numa node,mem=64", "from memdev alone, not from mem", "-7.2", "-5.0", "7.2.22"),
    ("-M pc,memory-backend=m -m 64 -object memory-backend-ram,id=m,size=128M", "is of 134217728 bytes, and -m says",
     "-m 64",
     "-m 128", ""),
    (f"{_Q35} -device pcie-root-port -device pcie-root-port", "a slot 0 of chassis 0 already", "port -",
     "port,slot=1 -", ""),
    (f"{_Q35} -device pxb-pcie,bus_nr=5 -device pxb-pcie,bus=pcie.0,bus_nr=5", "there is a bus number 5 already",
     "=5 -",
     "=9 -", ""),
    (f"{_Q35} -device pxb,bus_nr=5", "has pxb-pcie, not pxb", "pxb", "pxb-pcie", ""),
    ("-M pc -device virtio-rng-pci,iommu_platform=on", "transitional here", "on", "on,disable-legacy=on", ""),
    (f"{_Q35} -device virtio-rng-pci,iommu_platform=on", "transitional here", "-device",
     "-device pcie-root-port,id=p -device virtio-balloon-pci,bus=p,iommu_platform=on "
     "-global virtio-pci.disable-legacy=on -device", ""),
    (f"{_Q35} -device virtio-iommu", "have no place for virtio-iommu", "virtio-iommu", "intel-iommu", "5.2.0"),
    ("-device virtio-serial-pci,id=v -device virtconsole,bus=v.0,nr=1,chardev=any -device virtserialport,bus=v.0,nr=1",
     "port 1 of v.0 is taken", "virtserialport,bus=v.0,nr=1", "virtserialport,bus=v.0,nr=2", ""),
    ("-device virtio-serial-pci,id=v,max_ports=4 -device virtserialport,bus=v.0,nr=4", "has 4 ports, and no port 4",
     "nr=4",
     "nr=3", ""),
    (f"{_Q35} -device ich9-usb-ehci1,id=e -device ich9-usb-uhci1,masterbus=e.0 -device ich9-usb-uhci2,masterbus=e.0",
     "has another companion", "uhci2,", "uhci2,firstport=2,", ""),
    ("-nodefaults -device cirrus-vga -device qxl-vga", "cirrus-vga is made before it", "cirrus-vga -device ", "",
     "5.2.0"),
    ("-nodefaults -device AC97", "as there is no default one", "-device AC97",
     "-audiodev none,id=a -device AC97,audiodev=a",
     ""),
    (f"{_Q35} -device intel-iommu,intremap=off,eim=on", "eim=on needs intremap=on", "intremap=off", "intremap=on", ""),
    ("-smp 4,sockets=2,cores=1,threads=1", "is 2, and there are 4 CPUs", "sockets=2", "sockets=4", ""),
    ("-smp 4,maxcpus=2", "maxcpus is 2, less than 4 CPUs", "maxcpus=2", "maxcpus=4", ""),
)  # fmt: skip


def faults(line: str, version: str) -> list[Finding]:
    parsed = parse_command_line(["qemu", "-chardev", "null,id=any", *split_shell(line)])
    found = [*parsed.findings, *check(parsed.options, CAPS[version or "10.0.13"])]
    return [finding for finding in found if finding.kind in (Kind.error, Kind.ignored)]


def of_version(line: Line) -> list[Rule]:
    return [rule for rule in RULES if rule.holds_for(line.caps.version.numbers)]


@pytest.mark.parametrize(("line", "message", "old", "new", "version"), SPOILT)
def test_a_rule_that_is_not_asked_would_find_nothing(line: str, message: str, old: str, new: str, version: str) -> None:
    caps = CAPS[version or "10.0.13"]
    for text in (line, line.replace(old, new), line.replace("memory-backend=", "memory_backend=")):
        options = parse_command_line(["qemu", *split_shell(text)]).options
        seen = Line.of(options, caps)
        asked = rules_for(seen)
        assert not [rule.says for rule in of_version(seen) if rule not in asked and list(rule.find(seen))]


@pytest.mark.parametrize("file", [path.stem for path in test_lines.FILES])
def test_nor_would_it_in_other_lines(file: str) -> None:
    wrong: dict[str, list[str]] = {}
    for case in test_lines.CASES:
        if case.file == file:
            line = Line.of(
                parse_command_line(["qemu", *split_shell(case.line)]).options, test_lines.ALL_CAPS[case.version]
            )
            asked = {rule.name for rule in rules_for(line)}
            names = [rule.name for rule in of_version(line) if rule.name not in asked and list(rule.find(line))]
            if names:
                wrong[str(case)] = names
    assert wrong == {}


@pytest.mark.parametrize(("line", "message", "old", "new", "version"), SPOILT)
def test_a_fault_is_found_and_nothing_without_it(line: str, message: str, old: str, new: str, version: str) -> None:
    assert any(message in finding.message for finding in faults(line, version)), faults(line, version)
    assert old in line
    sound = line.replace(old, new)
    assert faults(sound, version) == [], sound


def test_the_rules_are_those_of_the_page() -> None:
    page = PAGE.read_text()
    assert page == render_page(page), "run `make docs`"
