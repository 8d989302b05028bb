"""Command lines that QEMU accepts, richer than what a domain is translated to: all that people write by hand.

``@dir@`` stands for a directory with the files that :func:`write_files` makes.  5.2 reads ``OLD_LINES`` alone, as it
reads no JSON but that of ``-blockdev``.
"""

from __future__ import annotations

import base64
import shlex
from pathlib import Path

from tests.integration.images import write_image

_HEAD = "-nodefaults -display none -no-user-config -accel tcg"

OLD_LINES = (
    """-machine pc,usb=off,dump-guest-core=off -m size=65536k,slots=4,maxmem=1048576k -cpu qemu64,+aes,pni=on
    -smp 2,maxcpus=4,sockets=4,cores=1,threads=1 -boot menu=on,strict=on,splash-time=100 -rtc base=utc,driftfix=slew
    -name guest=hand,debug-threads=on -overcommit mem-lock=off,cpu-pm=off -msg timestamp=on
    -object iothread,id=io1,poll-max-ns=1000 -object rng-random,id=rng0,filename=/dev/urandom
    -object throttle-group,id=tg0,x-iops-total=1000 -object secret,id=sec0,data=abc,format=raw
    -blockdev driver=null-co,node-name=n0,size=1048576
    -blockdev driver=throttle,node-name=t0,throttle-group=tg0,file=n0
    -blockdev driver=raw,node-name=r0,read-only=on,file.driver=file,file.filename=@dir@/disk.raw
    -device virtio-blk-pci,id=vb0,drive=t0,iothread=io1,num-queues=2,bootindex=1,serial=abc,write-cache=on
    -device virtio-scsi-pci,id=scsi0,addr=0x8,num_queues=4
    -device scsi-cd,id=cd0,bus=scsi0.0,drive=r0,channel=0,scsi-id=1,lun=0
    -device virtio-rng-pci,id=rngdev,rng=rng0,max-bytes=1024,period=1000
    -netdev user,id=net0,hostname=guest,restrict=on,hostfwd=tcp:127.0.0.1:0-:22
    -device virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:12:34:56,mq=off,host_mtu=1500
    -netdev hubport,id=hub0,hubid=1 -device e1000,id=nic1,netdev=hub0,mac=52:54:00:12:34:57
    -global PIIX4_PM.disable_s3=1 -global driver=PIIX4_PM,property=disable_s4,value=1
    -global virtio-net-pci.mq=off""",
    """-machine q35,smm=off -m 64 -smp cpus=1
    -chardev null,id=ch0 -chardev socket,id=ch1,path=@dir@/sock1,server=on,wait=off
    -chardev file,id=ch2,path=@dir@/log,append=on -chardev ringbuf,id=ch3,size=4096
    -chardev null,id=ch4,logfile=@dir@/ptylog,logappend=on -chardev udp,id=ch5,host=127.0.0.1,port=9
    -chardev null,id=ch6 -chardev mux,id=ch7,chardev=ch6
    -mon chardev=ch0,id=mon0,mode=readline -device isa-serial,id=serial0,chardev=ch2,index=0
    -device virtio-serial-pci,id=vs0,max_ports=8,vectors=4
    -device virtserialport,bus=vs0.0,nr=1,chardev=ch1,id=port1,name=org.qemu.guest_agent.0
    -device virtconsole,bus=vs0.0,chardev=ch3,id=con0 -device isa-debugcon,iobase=0x402,chardev=ch4,id=dbg0
    -device pcie-root-port,id=rp1,bus=pcie.0,chassis=1,slot=1,port=16,addr=0x4,multifunction=on
    -device pcie-root-port,id=rp2,bus=pcie.0,chassis=2,slot=2,addr=0x4.0x1,hotplug=off
    -device pcie-pci-bridge,id=br1,bus=rp1,addr=0x0 -device pci-bridge,id=br2,bus=br1,chassis_nr=3,addr=0x1
    -device qemu-xhci,id=xhci,bus=rp2,p2=4,p3=4 -device usb-tablet,id=tab0,bus=xhci.0,port=1
    -device usb-hub,id=uhub,bus=xhci.0,port=2 -device usb-kbd,id=kbd0,bus=xhci.0,port=2.1
    -drive file=@dir@/disk.raw,format=raw,if=none,id=drv0,cache=none,discard=unmap,readonly=on,media=cdrom
    -device usb-storage,id=us0,drive=drv0,bus=xhci.0,port=3,removable=on
    -device ich9-intel-hda,id=snd0,bus=br2,addr=0x2 -audiodev none,id=au1
    -device hda-duplex,bus=snd0.0,cad=0,audiodev=au1
    -device ahci,id=ahci1,bus=pcie.0,addr=0x7
    -drive driver=null-co,if=none,id=drv1,werror=report,rerror=ignore,copy-on-read=off
    -device ide-hd,drive=drv1,bus=ahci1.2,bootindex=2,rotation_rate=1
    -device virtio-balloon-pci,id=bal0,deflate-on-oom=on -global ICH9-LPC.disable_s3=1
    -smbios type=1,manufacturer=me,product=that,uuid=c7a5fdbd-edaf-9455-926a-d65c16db1809
    -fw_cfg name=opt/org.test/a,string=hello -vnc none -acpitable file=@dir@/table""",
    """-machine pc,memory-backend=ram0,kernel-irqchip=off,hpet=off -m 64M
    -object memory-backend-ram,id=ram0,size=64M,merge=off,dump=on
    -audiodev none,id=au0,out.frequency=44100,in.channels=1,timer-period=10000 -device AC97,id=ac0,audiodev=au0
    -device piix3-usb-uhci,id=usb,addr=0x1.0x2 -device usb-mouse,bus=usb.0,port=1 -device VGA,id=vid0,vgamem_mb=16
    -netdev socket,id=s0,udp=127.0.0.1:9,localaddr=127.0.0.1:0 -device rtl8139,netdev=s0,id=rtl0
    -blockdev node-name=q0,driver=qcow2,file.driver=file,file.filename=@dir@/disk.qcow2,pass-discard-request=on
    -device ide-hd,drive=q0,bus=ide.1,unit=0,id=ide0,serial=Q1,ver=1.0
    -device lsi53c895a,id=lsi0 -blockdev driver=null-aio,node-name=na0,latency-ns=10,detect-zeroes=on
    -device scsi-hd,drive=na0,bus=lsi0.0,scsi-id=3,product=disk,vendor=me
    -device i6300esb,id=wd0 -watchdog-action reset -device pvpanic,ioport=0x505
    -device virtio-vga,id=vv0,max_outputs=1 -device vmcoreinfo
    -object cryptodev-backend-builtin,id=cd0,queues=1 -device virtio-crypto-pci,id=vc0,cryptodev=cd0
    -uuid c7a5fdbd-edaf-9455-926a-d65c16db1809 -no-reboot -no-shutdown -k en-us""",
    """-machine q35 -m 128M -smp 2,sockets=2,cores=1,threads=1 -cpu Nehalem,vmx=off,enforce=off,level=11
    -object memory-backend-ram,id=m0,size=64M -object memory-backend-memfd,id=m1,size=64M,share=on,seal=off
    -numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,cpus=1,memdev=m1 -numa dist,src=0,dst=1,val=21
    -object iothread,id=io0 -device virtio-scsi-pci,id=sc0,iothread=io0,bus=pcie.0,addr=5
    -object secret,id=sec0,data=c2VjcmV0,format=base64""",
)

LINES = (
    """-machine q35 -m 64 -cpu max,migratable=off
    -object '{"qom-type":"memory-backend-ram","id":"hot0","size":67108864,"share":false,"prealloc":false}'
    -object '{"qom-type":"iothread","id":"io0","poll-max-ns":0,"poll-grow":2}'
    -object '{"qom-type":"throttle-group","id":"tg","limits":{"iops-total":100,"bps-read":1048576}}'
    -object '{"qom-type":"rng-builtin","id":"rb"}' -object '{"qom-type":"secret","id":"s","data":"aaaa",
        "format":"raw"}'
    -object '{"qom-type":"tls-creds-anon","id":"tls0","endpoint":"server","verify-peer":false}'
    -object '{"qom-type":"filter-buffer","id":"fb0","netdev":"n0","interval":1000,"queue":"rx"}'
    -netdev '{"type":"user","id":"n0","net":"10.0.3.0/24","dhcpstart":"10.0.3.15","ipv6":false,"dns":"10.0.3.3"}'
    -netdev '{"type":"hubport","id":"n1","hubid":3}'
    -device '{"driver":"pcie-root-port","id":"rp0","chassis":1,"port":1,"bus":"pcie.0","addr":"0x2","hotplug":true}'
    -device '{"driver":"virtio-net-pci","id":"nic","netdev":"n0","mac":"52:54:00:00:00:01","bus":"rp0",
        "speed":1000,"duplex":"full"}'
    -device '{"driver":"e1000e","netdev":"n1","id":"e1","bus":"pcie.0","addr":"0x3","bootindex":3}'
    -blockdev '{"driver":"file","filename":"@dir@/disk.raw","node-name":"f0","aio":"threads",
        "cache":{"direct":false,"no-flush":true},"discard":"unmap","auto-read-only":true,"locking":"off"}'
    -blockdev '{"driver":"raw","file":"f0","node-name":"f1","read-only":false,"size":65536,"offset":0,
        "detect-zeroes":"unmap","discard":"unmap"}'
    -blockdev '{"driver":"qcow2","node-name":"q1","file":{"driver":"file","filename":"@dir@/disk.qcow2"},
        "overlap-check":{"template":"all"},"cache-size":1048576}'
    -blockdev '{"driver":"quorum","node-name":"quo","vote-threshold":1,"children":[{"driver":"null-co",
        "size":65536},{"driver":"null-co","size":65536}]}'
    -device '{"driver":"virtio-blk-pci","drive":"f1","id":"b0","bus":"pcie.0","addr":"0x4","iothread":"io0",
        "config-wce":true,"werror":"stop","logical_block_size":512,"physical_block_size":4096}'
    -device '{"driver":"virtio-scsi-pci","id":"sc","bus":"pcie.0","addr":"0x5","seg_max_adjust":true}'
    -device '{"driver":"scsi-hd","drive":"q1","bus":"sc.0","channel":0,"scsi-id":0,"lun":1,"device_id":"x",
        "share-rw":false,"wwn":5764824127192592385}'
    -device '{"driver":"scsi-hd","drive":"quo","bus":"sc.0","scsi-id":2,"id":"sh2","rotation_rate":7200}'
    -device '{"driver":"virtio-rng-pci","rng":"rb","id":"r0","bus":"pcie.0","addr":"0x6"}'
    -device '{"driver":"virtio-tablet-pci","id":"t0","bus":"pcie.0","addr":"0x7","disable-legacy":"on","ats":false}'
    -device '{"driver":"vmgenid","guid":"c7a5fdbd-edaf-9455-926a-d65c16db1809","id":"gen"}'
    -device '{"driver":"ich9-usb-ehci1","id":"ehci","addr":"0x1d.0x7","multifunction":true,"bus":"pcie.0"}'
    -device '{"driver":"ich9-usb-uhci1","id":"uhci","addr":"0x1d","masterbus":"ehci.0","firstport":0,
        "multifunction":true,"bus":"pcie.0"}'
    -device '{"driver":"usb-tablet","bus":"ehci.0","port":"1","id":"ut"}'
    -audiodev '{"driver":"none","id":"a0","timer-period":5000,"out":{"frequency":48000,"voices":1,"format":"s16"}}'
    -device '{"driver":"intel-hda","id":"hda","bus":"pcie.0","addr":"0x8","msi":"off"}'
    -device '{"driver":"hda-micro","bus":"hda.0","audiodev":"a0","mixer":false}'
    -compat deprecated-input=accept,deprecated-output=hide -action reboot=shutdown,panic=pause,watchdog=none
    -global virtio-blk-pci.indirect_desc=on""",
    """-machine none -blockdev '{"driver":"blkdebug","node-name":"bd","image":{"driver":"null-co"},"align":512,
        "inject-error":[{"event":"read_aio","errno":5,"once":true}]}'
    -blockdev '{"driver":"copy-on-read","node-name":"cor","file":{"driver":"null-co","read-zeroes":true}}'
    -blockdev '{"driver":"blkverify","node-name":"bv","test":{"driver":"null-co"},"raw":{"driver":"null-co"}}'
    -blockdev '{"driver":"compress","node-name":"cc","file":{"driver":"qcow2","file":{"driver":"file",
        "filename":"@dir@/disk.qcow2","aio":"threads"}}}'
    -object '{"qom-type":"secret","id":"key0","data":"c2VjcmV0","format":"base64"}'
    -object '{"qom-type":"authz-simple","id":"az0","identity":"cn=me"}'
    -object '{"qom-type":"authz-list","id":"az1","policy":"deny","rules":[{"match":"fred","policy":"allow",
        "format":"exact"}]}'
    -object '{"qom-type":"can-bus","id":"cb0"}' -object '{"qom-type":"main-loop","id":"ml0","aio-max-batch":1}'
    -netdev '{"type":"socket","id":"so0","udp":"127.0.0.1:9","localaddr":"127.0.0.1:0"}'
    -netdev '{"type":"dgram","id":"dg0","local":{"type":"inet","host":"127.0.0.1","port":"0"},
        "remote":{"type":"inet","host":"127.0.0.1","port":"9"}}'
    -netdev '{"type":"user","id":"us0","hostfwd":[{"str":"tcp:127.0.0.1:0-:22"}],"guestfwd":[],"restrict":true}'
    -audiodev '{"driver":"wav","id":"w0","path":"@dir@/out.wav","out":{"channels":2,"fixed-settings":true}}'""",
)


def write_files(ours: Path) -> None:
    """The files that the lines name."""
    write_image(ours / "disk.raw", "raw")
    write_image(ours / "disk.qcow2", "qcow2")
    # A table of nothing but its header: 36 bytes, of which QEMU fills in what is left out.
    (ours / "table").write_bytes(base64.b64decode("U1NEVCQAAAABAA==") + bytes(26))


def lines_of(version: tuple[int, int, int], theirs: Path) -> list[list[str]]:
    """The words (without a binary) of the lines that a QEMU of this version reads."""
    texts = [*OLD_LINES, *(LINES if version >= (7, 2, 0) else ())]
    return [shlex.split(f"{_HEAD} {text}".replace("@dir@", str(theirs))) for text in texts]
