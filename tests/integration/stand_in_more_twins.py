"""More twins: objects, displays, sound, devices and the rest of the options."""

from __future__ import annotations

from tests.integration.stand_in_twins import Twins, beside

_IV = "AAAAAAAAAAAAAAAAAAAAAA=="

OBJECT_TWINS = (
    beside(
        "object memory-backend-ram",
        "-object memory-backend-ram,id=m,size=64M,host-nodes=5,host-nodes=9,policy=bind,prealloc=on,share=off,"
        "dump=off@",
    ),
    Twins(
        "object memory-backend-ram", "-object memory-backend-ram,id=m,size=64M,prealloc=on",
        "-object memory-backend-ram,id=m,size=64M,prealloc=on,policy=bind", "host-nodes must be set",
    ),
    beside("object memory-backend-memfd",
        "-object memory-backend-memfd,id=m,size=2G,hugetlb=on,hugetlbsize=1G,seal=on@"),
    beside(
        "object memory-backend-file",
        "-object memory-backend-file,id=m,size=64M,mem-path=/dev/hugepages/x,share=on,prealloc=on,pmem=on,align=2M@"
        " -numa node,memdev=m -m 64",
    ),
    beside(
        "object memory-backend-file",
        "-object memory-backend-file,id=m,size=64M,mem-path=/srv/ro,readonly=on@", since=(6, 0),
    ),
    beside("object thread-context", "-object thread-context,id=t,cpu-affinity=900-901@", since=(7, 2)),
    beside("object thread-context", "-object thread-context,id=t,node-affinity=77@", since=(7, 2)),
    beside("object rng-random", "-object rng-random,id=r,filename=/dev/hwrng@ -device virtio-rng-pci,rng=r"),
    beside("object secret", "-object secret,id=s,format=base64,file=/etc/secret@"),
    beside(
        "object secret",
        "-object secret,id=k,format=base64,file=/var/lib/libvirt/master-key.aes"
        f" -object secret,id=s,data=AAAA,keyid=k,iv={_IV},format=base64@",
    ),
    Twins(
        "object secret", "-object secret,id=s,data=YWJj,format=base64", "-object secret,id=s,data=a!b,format=base64",
        "ase64",
    ),
    beside("object secret_keyring", "-object secret_keyring,id=s,serial=12345@", since=(5, 2)),
    beside("object tls-creds-x509", "-object tls-creds-x509,id=t,dir=/etc/pki/qemu,endpoint=server,verify-peer=on@"),
    beside("object tls-creds-x509", "-object tls-creds-x509,id=t,dir=/etc/pki/qemu,endpoint=client@"),
    beside("object tls-creds-psk", "-object tls-creds-psk,id=t,dir=/etc/pki/psk,endpoint=client,username=alice@"),
    beside("object tls-creds-anon", "-object tls-creds-anon,id=t,dir=/etc/pki/qemu,endpoint=server@"),
    beside("object authz-list-file", "-object authz-list-file,id=a,filename=/etc/acl.json,refresh=on@", before=(6, 0)),
    beside(
        "object filter-dump",
        "-netdev user,id=n -object filter-dump,id=f,netdev=n,file=/tmp/x.pcap,maxlen=100@ -device e1000,netdev=n",
    ),
)  # fmt: skip

DISPLAY_TWINS = (
    beside("display gtk", "-display gtk,gl=on,show-tabs=on,zoom-to-fit=on@", since=(7, 1)),
    beside("display gtk", "-display gtk,gl=on@"),
    beside("display sdl", "-display sdl,gl=on@"),
    beside("display curses", "-display curses,charset=CP437@"),
    beside("display egl-headless", "-display egl-headless,rendernode=/dev/dri/renderD128@"),
    beside("display dbus", "-display dbus,addr=unix:path=/run/bus@", since=(7, 0)),
    beside("display spice-app", "-display spice-app,gl=on@"),
    Twins("option -curses", "-curses", "-curses -device nosuch", "nosuch", before=(6, 0)),
    Twins("option -sdl", "-sdl", "-sdl -device nosuch", "nosuch", before=(6, 0)),
    Twins("option -k", "-k /etc/keymap -vnc :77", "-k /etc/keymap -vnc :77 -device nosuch", "nosuch"),
    beside("option -vnc", "-vnc 0.0.0.0:77,password=on,websocket=10.0.0.1:80,share=ignore@"),
    beside("option -vnc", "-vnc unix:/run/vnc.sock,password=on@"),
    beside("option -vnc", "-vnc 10.0.0.9:5500,reverse=on@"),
    beside("option -vnc", "-object tls-creds-x509,id=t,dir=/etc/pki/vnc,endpoint=server -vnc :78,tls-creds=t,sasl=on@"),
    beside(
        "option -spice", "-spice port=30,tls-port=31,addr=0.0.0.0,x509-dir=/etc/pki/spice,disable-ticketing=on@",
        before=(8, 0),
    ),
    beside("option -spice", "-spice unix=on,addr=/run/spice.sock,disable-ticketing=on@", before=(8, 0)),
    beside("audiodev pa", "-audiodev pa,id=a,server=/run/pulse,out.name=x,out.frequency=44100@"),
    beside("audiodev alsa", "-audiodev alsa,id=a,out.dev=hw0,out.period-length=100,threshold=5@"),
    beside("audiodev oss", "-audiodev oss,id=a,try-mmap=on,in.dev=/dev/dsp@"),
    beside("audiodev sdl", "-audiodev sdl,id=a,out.buffer-count=4@", since=(6, 0)),
    beside("audiodev jack", "-audiodev jack,id=a,out.server-name=x@"),
    beside("audiodev pipewire", "-audiodev pipewire,id=a,out.stream-name=x@", since=(8, 1)),
    beside("audiodev dbus", "-audiodev dbus,id=a@", since=(7, 0)),
    beside("audiodev wav", "-audiodev wav,id=a,path=/srv/x.wav@"),
    beside("option -audio", "-audio driver=pa,model=hda,server=/run/pulse@", since=(7, 2)),
)  # fmt: skip

OTHER_TWINS = (
    beside("fsdev local",
        "-fsdev local,id=f,path=/srv,security_model=passthrough@ -device virtio-9p-pci,fsdev=f,mount_tag=t"),
    beside("fsdev local", "-virtfs local,path=/srv,security_model=mapped-xattr,mount_tag=t@"),
    beside("fsdev proxy", "-fsdev proxy,id=f,socket=/run/proxy.sock@", before=(9, 2)),
    beside("fsdev proxy", "-fsdev proxy,id=f,sock_fd=12@", before=(9, 2)),
    beside("option -boot", "-boot menu=on,splash=/srv/splash.jpg,splash-time=100@"),
    Twins("option -incoming", "-incoming tcp:10.0.0.1:4444", "-incoming exec:true -incoming nosuch:1", "nosuch"),
    Twins("option -incoming", "-incoming exec:true", "-incoming nosuch:1", "nosuch"),
    Twins("option -mem-path", "-mem-path /dev/hugepages", "-mem-path /dev/hugepages -device nosuch", "nosuch"),
    Twins("option -mem-prealloc", "-mem-prealloc", "-mem-prealloc -device nosuch", "nosuch"),
    Twins("option -add-fd", "-add-fd fd=20,set=1", "-add-fd fd=20,set=1 -device nosuch", "nosuch"),
    beside("option -overcommit", "-overcommit mem-lock=on,cpu-pm=off@"),
    beside("option -realtime", "-realtime mlock=on@", before=(6, 0)),
    beside("option -run-with", "-run-with async-teardown=on@", since=(9, 0)),
    Twins("option -async-teardown", "-async-teardown", "-async-teardown -device nosuch", "nosuch", (7, 2), (9, 0)),
    beside("option -trace", "-trace enable=nbd_*,file=/srv/trace,events=/srv/events@"),
    beside("option -icount", "-icount shift=3,sleep=off@"),
    beside("device virtio-vga-gl", "-device virtio-vga-gl,xres=1024@", since=(7, 0), before=(8, 0)),
    beside("device hv-syndbg", "-cpu qemu64,hv-passthrough=off -device virtio-balloon-pci@"),
    beside("property rootdir", "-usb -device usb-mtp,rootdir=/srv/photos,readonly=on@"),
    beside("property pcap", "-usb -device usb-tablet,pcap=/tmp/usb.pcap@", since=(6, 1)),
    beside("property frudatafile", "-device ipmi-bmc-sim,id=b,frudatafile=/srv/fru@ -device isa-ipmi-kcs,bmc=b"),
    beside("property sdrfile", "-device ipmi-bmc-sim,id=b,sdrfile=/srv/sdr@ -device isa-ipmi-kcs,bmc=b"),
    beside("property jsonfile", "-machine q35 -device uefi-vars-x64,jsonfile=/srv/vars.json@", since=(10, 0)),
    beside("property pcapfile", "-machine q35 -device uefi-vars-x64,pcapfile=/srv/vars.pcap@", since=(11, 0)),
)  # fmt: skip
