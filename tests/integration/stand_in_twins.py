"""Lines for the rows of stand-ins: a sound one, and its twin that is spoilt beside what something stands in for.

Each line is what a user would write, with paths that are not here.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

MajorMinor = tuple[int, int]

_NEWEST = (99, 0)


@dataclass(frozen=True)
class Twins:
    """``rows`` are the rows that the lines are for (``netdev tap``).  ``says`` is a part of what QEMU says of the
    spoilt one.

    ``since`` and ``before`` are versions: those that have it, and the first that has it no more.
    """

    rows: str
    sound: str
    spoilt: str
    says: str
    since: MajorMinor = (0, 0)
    before: MajorMinor = _NEWEST

    def words(self, *, spoilt: bool) -> list[str]:
        """The words of one of the two, without the binary."""
        return shlex.split(self.spoilt if spoilt else self.sound)

    def is_for(self, version: MajorMinor) -> bool:
        """Whether a QEMU of this version has what the lines are about."""
        return self.since <= version < self.before


def beside(rows: str, line: str, key: str = "nosuch", **when: MajorMinor) -> Twins:
    """Spoilt by a key that there is not, beside those that are replaced: behind ``@``, which the sound line has not."""
    return Twins(rows, line.replace("@", ""), line.replace("@", f",{key}=1"), key, **when)


_NIC = "-device virtio-net-pci,netdev=n,mac=52:54:00:12:34:56"
_OLD, _OBJECT_7 = (7, 0), (7, 1)

NETDEV_TWINS = (
    beside("netdev tap",
        f"-netdev tap,id=n,ifname=vnet0,script=/etc/qemu-ifup,downscript=no,vhost=on,queues=4@ {_NIC}"),
    beside("netdev bridge", f"-netdev bridge,id=n,br=br0,helper=/usr/lib/qemu/qemu-bridge-helper@ {_NIC}"),
    beside("netdev l2tpv3",
        f"-netdev l2tpv3,id=n,src=10.0.0.1,dst=10.0.0.2,udp=on,srcport=1,dstport=2,txsession=1@ {_NIC}"),
    beside("netdev vde", f"-netdev vde,id=n,sock=/var/run/vde.ctl,group=vde,mode=0660@ {_NIC}"),
    beside("netdev netmap", f"-netdev netmap,id=n,ifname=vale0:1,devname=/dev/netmap@ {_NIC}"),
    beside(
        "netdev vhost-user",
        "-chardev socket,id=c,path=/run/vhost.sock -netdev vhost-user,id=n,chardev=c,queues=2@"
        f" {_NIC},mq=on,vectors=6,tx_queue_size=1024,rx_queue_size=1024",
    ),
    beside("netdev vhost-vdpa",
        f"-netdev vhost-vdpa,id=n,vhostdev=/dev/vhost-vdpa-0,queues=1@ {_NIC},tx_queue_size=512"),
    beside("netdev passt", f"-netdev passt,id=n,path=/usr/bin/passt,quiet=on@ {_NIC}", since=(10, 1)),
    beside(
        "netdev user",
        "-netdev user,id=n,hostfwd=tcp::22-:22,hostfwd=udp:10.1.2.3:5300-10.0.2.15:53,"
        "guestfwd=tcp:10.0.2.100:80-cmd:nc,"
        f"guestfwd=tcp:10.0.2.101:81-tcp:10.9.9.9:80,tftp=/srv/tftp,bootfile=/pxelinux.0,smb=/srv/share@ {_NIC}",
    ),
    Twins(
        "netdev user", f"-netdev user,id=n,hostfwd=tcp:192.168.9.9:80-:80 {_NIC}",
        f"-netdev user,id=n,hostfwd=tcp:192.168.9.9:80-80 {_NIC}", "Invalid host forwarding rule",
    ),
    beside("netdev socket", f"-netdev socket,id=n,listen=:1234@ {_NIC}"),
    beside("netdev socket", f"-netdev socket,id=n,connect=10.0.0.1:1234@ {_NIC}"),
    beside("netdev socket", f"-netdev socket,id=n,mcast=230.0.0.1:1234@ {_NIC}"),
    beside("netdev socket", f"-netdev socket,id=n,udp=10.0.0.1:1234,localaddr=10.0.0.2:4321@ {_NIC}"),
    beside("netdev socket", f"-netdev socket,id=n,fd=27@ {_NIC}"),
    beside(
        "netdev stream", f"-netdev stream,id=n,server=on,addr.type=inet,addr.host=10.0.0.1,addr.port=123@ {_NIC}",
        since=(7, 2),
    ),
    beside("netdev stream", f"-netdev stream,id=n,addr.type=unix,addr.path=/run/passt.sock@ {_NIC}", since=(7, 2)),
    beside("netdev stream", f"-netdev stream,id=n,addr.type=inet,addr.host=h,addr.port=1@ {_NIC}", since=(7, 2)),
    beside("netdev stream", f"-netdev stream,id=n,server=on,addr.type=unix,addr.path=/run/x@ {_NIC}", since=(7, 2)),
    beside("netdev stream", f"-netdev stream,id=n,addr.type=fd,addr.str=3@ {_NIC}", since=(7, 2)),
    beside(
        "netdev dgram", "-netdev dgram,id=n,local.type=inet,local.host=10.0.0.1,local.port=123,remote.type=inet,"
        f"remote.host=10.0.0.2,remote.port=124@ {_NIC}", since=(7, 2),
    ),
    beside("netdev dgram",
        f"-netdev dgram,id=n,remote.type=inet,remote.host=230.0.0.1,remote.port=124@ {_NIC}", since=(7, 2)),
    beside("netdev dgram", f"-netdev dgram,id=n,local.type=fd,local.str=3@ {_NIC}", since=(7, 2)),
    beside(
        "netdev dgram",
        f"-netdev dgram,id=n,local.type=unix,local.path=/run/a,remote.type=unix,remote.path=/run/b@ {_NIC}",
        since=(7, 2),
    ),
    # What QEMU refuses for the members alone.
    Twins("netdev tap", f"-netdev tap,id=n,fd=27 {_NIC}", f"-netdev tap,id=n,fd=mine {_NIC}", "descriptor number"),
    Twins(
        "netdev tap", f"-netdev tap,id=n,fds=27:28,vhostfds=29:30 {_NIC},mq=on",
        f"-netdev tap,id=n,fds=27:28,vhostfds=29 {_NIC},mq=on", "fds", before=(10, 1),
    ),
    Twins(
        "netdev l2tpv3", f"-netdev l2tpv3,id=n,src=10.0.0.1,dst=10.0.0.2,txsession=1,udp=on,srcport=3,dstport=4 {_NIC}",
        f"-netdev l2tpv3,id=n,src=10.0.0.1,dst=10.0.0.2,txsession=1,udp=on,srcport=3 {_NIC}", "both src and dst port",
    ),
    Twins(
        "netdev vhost-user", f"-chardev socket,id=c,path=/b -netdev vhost-user,id=n,chardev=c {_NIC}",
        f"-chardev null,id=c -netdev vhost-user,id=n,chardev=c {_NIC}", "not reconnectable",
    ),
    Twins(
        "netdev vhost-user", f"-chardev socket,id=c,path=/b -netdev vhost-user,id=n,chardev=c,queues=2 {_NIC}",
        f"-chardev socket,id=c,path=/b -netdev vhost-user,id=n,chardev=c,queues=0 {_NIC}", "must be in range",
    ),
    beside("option -nic", "-nic tap,model=e1000,mac=52:54:00:12:34:56,ifname=tap0,script=no@"),
    beside("option -net", "-net nic,model=e1000 -net tap,ifname=tap0,script=no@"),
)  # fmt: skip

CHARDEV_TWINS = (
    beside("chardev socket",
        "-chardev socket,id=c,path=/run/qga.sock,server=on,wait=off,logfile=/var/log/c,logappend=on@"),
    beside("chardev socket", "-chardev socket,id=c,path=/run/x.sock,reconnect=5@", before=(10, 2)),
    beside("chardev socket", "-chardev socket,id=c,path=/run/x.sock,reconnect-ms=5000@", since=(9, 2)),
    beside("chardev socket", "-chardev socket,id=c,host=10.0.0.9,port=23,telnet=on,nodelay@"),
    beside("chardev socket", "-chardev socket,id=c,host=0.0.0.0,port=23,telnet=on,server=on@"),
    beside("chardev socket", "-chardev socket,id=c,host=::,port=4444,ipv6=on,server=on,wait=off,websocket=on@"),
    beside("chardev socket", "-chardev socket,id=c,fd=27,server=on,wait=off@"),
    beside("chardev socket", "-chardev socket,id=c,fd=27@"),
    beside(
        "chardev socket",
        "-object tls-creds-x509,id=t,dir=/etc/pki/qemu,endpoint=client -chardev socket,id=c,host=h,port=16514,"
        "tls-creds=t@",
    ),
    beside("chardev udp", "-chardev udp,id=c,host=10.0.0.9,port=514,localaddr=10.0.0.1,localport=514@"),
    beside("chardev file", "-chardev file,id=c,path=/var/log/guest.log,append=on@"),
    beside("chardev pipe", "-chardev pipe,id=c,path=/run/pipe@"),
    beside("chardev serial", "-chardev serial,id=c,path=/dev/ttyUSB0@"),
    beside("chardev tty", "-chardev tty,id=c,path=/dev/ttyUSB0@", before=(10, 0)),
    beside("chardev parallel", "-chardev parallel,id=c,path=/dev/parport0@"),
    beside("chardev parport", "-chardev parport,id=c,path=/dev/parport0@", before=(10, 0)),
    beside("chardev pty", "-chardev pty,id=c,path=/run/pty@"),
    beside("chardev braille", "-chardev braille,id=c@"),
    beside("chardev dbus", "-chardev dbus,id=c,name=org.qemu.console@", since=(7, 0), before=(8, 0)),
    beside("option -serial", "-serial tcp:0.0.0.0:23,server=on@"),
    beside("option -serial", "-serial telnet:10.0.0.9:23,nodelay@"),
    beside("option -serial", "-serial unix:/run/x,server=on,wait=off@"),
    Twins("option -serial", "-serial mon:udp:10.0.0.9:514@:514", "-serial mon:udp:10.0.0.9:514@:514 -device nosuch",
        "nosuch"),
    Twins("option -serial", "-serial /dev/ttyS0 -serial null", "-serial /dev/ttyS0 -device nosuch", "nosuch"),
    Twins("option -parallel", "-parallel /dev/parport0", "-parallel /dev/parport0 -device nosuch", "nosuch"),
    Twins("option -debugcon", "-debugcon file:/var/log/x", "-debugcon file:/var/log/x -device nosuch", "nosuch"),
    beside("option -monitor", "-monitor tcp:10.0.0.1:4444,server=on,wait=off@"),
    beside("option -qmp", "-qmp unix:/run/qmp.sock,server=on,wait=off@"),
    beside("option -qmp-pretty", "-qmp-pretty tcp::4445,server=on,wait=off@"),
    beside("option -gdb", "-gdb tcp:0.0.0.0:1234@"),
    Twins("option -s", "-s", "-s -device nosuch", "nosuch"),
    Twins("option -usbdevice", "-usb -usbdevice braille", "-usb -usbdevice braille -device nosuch", "nosuch"),
)  # fmt: skip
