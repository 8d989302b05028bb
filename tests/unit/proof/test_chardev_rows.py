"""What stands in for character devices."""

from __future__ import annotations

import pytest

from tests.unit.proof.ready import made_ready, parts_left_out, refused, started

_CLIENT = "/stand-in/0-listening"


@pytest.mark.parametrize(
    ("line", "comes_to"),
    [
        ("-chardev socket,id=c,path=/a/b,server=on,wait=off",
         "-chardev socket,id=c,path=/stand-in/0-b,server=on,wait=off"),
        ("-chardev socket,id=c,path=/a/b,server", "-chardev socket,id=c,path=/stand-in/0-b,server,wait=off"),
        ("-chardev socket,id=c,path=/a/b,server,nowait", "-chardev socket,id=c,path=/stand-in/0-b,server,nowait"),
        ("-chardev socket,id=c,path=/a/b,nosuch=1", f"-chardev socket,id=c,path={_CLIENT},nosuch=1"),
        ("-chardev socket,id=c,host=h,port=9,telnet=on", f"-chardev socket,id=c,telnet=on,path={_CLIENT}"),
        ("-chardev socket,id=c,host=h,port=9,path=/a", "-chardev socket,id=c,host=h,port=9,path=/a"),
        ("-chardev socket,id=c,host=::,port=9,ipv6=on,server=on,wait=off",
         "-chardev socket,id=c,host=127.0.0.1,port=20009,server=on,wait=off"),
        ("-chardev socket,id=c,host=127.0.0.1,port=4444,server=on,wait=off",
         "-chardev socket,id=c,host=127.0.0.1,port=4444,server=on,wait=off"),
        ("-chardev socket,id=c,fd=9", f"-chardev socket,id=c,path={_CLIENT}"),
        ("-chardev socket,id=c", "-chardev socket,id=c"),
        ("-chardev udp,id=c,host=h,port=514,localport=9",
         "-chardev udp,id=c,host=127.0.0.1,port=20514,localport=20009,localaddr=127.0.0.1"),
        ("-chardev file,id=c,path=/var/x,logfile=/var/y",
         "-chardev file,id=c,path=/stand-in/1-x,logfile=/stand-in/0-y"),
        ("-chardev pty,id=c,path=/a -serial pty", "-chardev null,id=c -serial null"),
        ("-chardev parallel,id=c,path=/dev/parport0,mux=on", "-chardev null,id=c,mux=on"),
        ("-serial tcp::4444,server,nowait", "-serial tcp:127.0.0.1:4444,server,nowait"),
        ("-serial tcp::23,server=on", "-serial tcp:127.0.0.1:20023,server=on,wait=off"),
        ("-serial telnet:h:23", f"-serial unix:{_CLIENT},telnet=on"),
        ("-serial mon:unix:/a/b,server=on,wait=off", "-serial mon:unix:/stand-in/0-b,server=on,wait=off"),
        ("-serial udp:h:1@:2", "-serial udp:127.0.0.1:20001@127.0.0.1:20002"),
        ("-serial /dev/ttyS0 -parallel /dev/parport0", "-serial file:/stand-in/0-ttyS0 -parallel null"),
        ("-serial file: -serial pipe:", "-serial file: -serial pipe:"),
        (f"-serial unix:{'x' * 108}", f"-serial unix:{'x' * 108}"),
        (f"-chardev socket,id=c,path={'x' * 108}", f"-chardev socket,id=c,path={'x' * 108}"),
        (f"-chardev socket,id=c,wait=off,server=on,path={'x' * 108}",
         f"-chardev socket,id=c,wait=off,server=on,path={'x' * 108}"),
        ("-chardev '{,backend=file,path=/a,id=c'", "-chardev {,backend=file,path=/stand-in/0-a,id=c"),
        ("-serial file:/a/b,c", "-serial file:/stand-in/0-b_c"),
        ("-serial mon:stdio -monitor none -qmp chardev:c", "-serial mon:stdio -monitor none -qmp chardev:c"),
        ("-gdb tcp::1234 -s", "-gdb tcp:127.0.0.1:1234 -gdb tcp:127.0.0.1:1234"),
        ("-gdb 1234", "-gdb 1234"),
        ("-usbdevice tablet", "-usbdevice tablet"),
    ],
)  # fmt: skip
def test_the_path_or_the_address_changes(line: str, comes_to: str) -> None:
    assert started(line) == comes_to


def test_a_client_with_tls_tries_again_later() -> None:
    line = "-chardev socket,id=c,host=h,port=5000,tls-creds=t"
    assert started(line, "7.2") == "-chardev socket,id=c,host=127.0.0.1,port=5000,tls-creds=t,reconnect=60"
    assert started(line, "11.1") == "-chardev socket,id=c,host=127.0.0.1,port=5000,tls-creds=t,reconnect-ms=60000"


def test_all_clients_of_a_line_share_one_socket_that_is_listened_on() -> None:
    bench = made_ready("-chardev socket,id=a,path=/x -chardev socket,id=b,path=/y -serial unix:/z")
    assert [(file.name, file.kind) for file in bench.files] == [("0-listening", "socket")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-chardev wormhole,id=c", "no rule for chardev wormhole"),
        ("-serial wormhole:x", "no rule for -serial wormhole:x"),
        ("""-chardev '{"id":"c"}'""", "no rule for -chardev in JSON"),
        ("-netdev user,id=n,guestfwd=tcp:10.0.2.9:80-wormhole:x", "no rule for guestfwd to wormhole:x"),
        ("-usbdevice disk:/etc/passwd", "no rule for -usbdevice disk:/etc/passwd"),
    ],
)
def test_what_has_no_rule_is_not_started(line: str, why: str) -> None:
    assert why in refused(line)


def test_a_braille_display_is_left_out() -> None:
    assert parts_left_out("-usbdevice braille") == ["-usbdevice"]
