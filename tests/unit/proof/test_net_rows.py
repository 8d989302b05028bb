"""What stands in for netdevs."""

from __future__ import annotations

import pytest

from tests.unit.proof.ready import made_ready, parts_left_out, refused, started

#: With a path that no unix socket has.
_LONG = f"stream,id=n,addr.type=unix,addr.path=/{'x' * 107}"

_NOWHERE = "udp=127.0.0.1:9,localaddr=127.0.0.1:0"


@pytest.mark.parametrize(
    ("line", "comes_to"),
    [
        ("-netdev tap,id=n,ifname=a,script=/x,mq=1", f"-netdev socket,id=n,mq=1,{_NOWHERE}"),
        ("-netdev type=tap,id=n", f"-netdev type=socket,id=n,{_NOWHERE}"),
        (
            """-netdev '{"type":"tap","id":"n","vhost":true,"queues":4}'""",
            '-netdev {"type":"socket","id":"n","udp":"127.0.0.1:9","localaddr":"127.0.0.1:0"}',
        ),
        ("-nic tap,mac=52:54:00:00:00:01,br=x", f"-nic socket,mac=52:54:00:00:00:01,{_NOWHERE}"),
        # QEMU refuses these for their members, and is to see them.
        ("-netdev tap,id=n,fd=3,ifname=x", "-netdev tap,id=n,fd=3,ifname=x"),
        ("-netdev tap,id=n,helper=/x,queues=2", "-netdev tap,id=n,helper=/x,queues=2"),
        ("-netdev vhost-vdpa,id=n", "-netdev vhost-vdpa,id=n"),
        (f"-netdev {_LONG}", f"-netdev {_LONG}"),
        ("-nic none -net nic,model=e1000", "-nic none -net nic,model=e1000"),
        ("-nic model=e1000", "-nic model=e1000"),
        ("-netdev user,id=n,hostfwd=tcp::22-:22", "-netdev user,id=n,hostfwd=tcp:127.0.0.1:20022-:22"),
        (
            "-netdev user,id=n,hostfwd=:10.1.1.1:8080-10.0.2.15:80,hostfwd=udp:127.0.0.2:53-:53",
            "-netdev user,id=n,hostfwd=:127.0.0.1:8080-10.0.2.15:80,hostfwd=udp:127.0.0.2:20053-:53",
        ),
        ("-netdev user,id=n,hostfwd=tcp:1.2.3.999:80-:80", "-netdev user,id=n,hostfwd=tcp:1.2.3.999:80-:80"),
        (
            """-netdev '{"type":"user","id":"n","hostfwd":[{"str":"tcp::22-:22"}]}'""",
            '-netdev {"type":"user","id":"n","hostfwd":[{"str":"tcp:127.0.0.1:20022-:22"}]}',
        ),
        ("-netdev user,id=n,guestfwd=tcp:10.0.2.9:80-cmd:/bin/nc", "-netdev user,id=n,guestfwd=tcp:10.0.2.9:80-null"),
        ("-netdev user,id=n,tftp=/srv", "-netdev user,id=n,tftp=/stand-in/0-tftp"),
        ("-netdev socket,id=n,listen=:99", "-netdev socket,id=n,listen=127.0.0.1:20099"),
        ("-netdev socket,id=n,mcast=230.0.0.1:99", "-netdev socket,id=n,mcast=230.0.0.1:20099,localaddr=127.0.0.1"),
        ("-netdev socket,id=n,fd=9", f"-netdev socket,id=n,{_NOWHERE}"),
        (
            "-netdev stream,id=n,addr.type=inet,addr.host=h,addr.port=1",
            "-netdev stream,id=n,addr.type=unix,addr.path=/stand-in/0-listening",
        ),
        (
            "-netdev stream,id=n,server=on,addr.type=unix,addr.path=/run/a",
            "-netdev stream,id=n,server=on,addr.type=unix,addr.path=/stand-in/0-a",
        ),
        (
            """-netdev '{"type":"dgram","id":"n","local":{"type":"inet","port":"0"}}'""",
            '-netdev {"type":"dgram","id":"n","local":{"type":"inet","port":"0"}}',
        ),
        (
            """-netdev '{"type":"dgram","id":"n","remote":{"type":"inet","host":"230.0.0.1","port":"9999"}}'""",
            '-netdev {"type":"dgram","id":"n","remote":{"type":"inet","host":"230.0.0.1","port":"9999"},'
            '"local":{"type":"inet","host":"127.0.0.1","port":"0"}}',
        ),
    ],
)
def test_a_netdev_leads_nowhere_and_keeps_what_is_not_the_hosts(line: str, comes_to: str) -> None:
    assert started(line) == comes_to


def test_a_type_without_a_row_is_not_started() -> None:
    assert refused("-netdev wormhole,id=n") == "-netdev: no rule for netdev wormhole"


def test_a_server_of_the_host_is_not_started_for_a_guest() -> None:
    assert parts_left_out("-netdev user,id=n,smb=/srv") == ["-netdev smb"]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_card_behind_vhost_gets_the_queue_that_one_without_may_have(is_first: bool) -> None:
    netdev = "-netdev vhost-vdpa,id=n,vhostdev=/dev/vhost-vdpa-0"
    device = "-device virtio-net-pci,netdev=n,tx_queue_size=1024,rx_queue_size=512"
    line = f"{netdev} {device}" if is_first else f"{device} {netdev}"
    assert "tx_queue_size=256,rx_queue_size=512" in started(line)


def test_a_queue_that_is_too_long_for_a_tap_stays_for_qemu_to_refuse() -> None:
    line = "-netdev tap,id=n -device virtio-net-pci,netdev=n,tx_queue_size=1024"
    assert "tx_queue_size=1024" in started(line)
    assert "tx_queue_size=300" in started(
        "-netdev vhost-user,id=n,chardev=c -device virtio-net-pci,netdev=n,tx_queue_size=300"
    )


def test_what_was_replaced_is_told_at_the_place_of_the_option() -> None:
    (replaced, _) = made_ready("-S -netdev tap,id=n").replaced
    assert (replaced.position, replaced.flag, replaced.part) == (2, "-netdev", "type")
