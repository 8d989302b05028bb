"""What QEMU reads further: what each reader says, and that it says something of any text, and soon."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.commandline.options import Value
from prober.commandline.refusal import Unfit
from prober.commandline.rules.firmware import wrong_order
from prober.commandline.rules.incoming import wrong_source
from prober.commandline.text import Text
from prober.commandline.texts.audiodevs import audiodev_misfits
from prober.commandline.texts.cards import first_byte, read_network_word
from prober.commandline.texts.characters import CHARACTER_OPTIONS, CharacterWord, read_character
from prober.commandline.texts.internet import Subnet, ipv4, read_guestfwd, read_subnet, wrong_hostfwd
from prober.commandline.texts.logs import wrong_item, wrong_range
from prober.commandline.texts.smbios import keys_of, wrong_value
from tests.cost import processor_time

OLD, NEW = (5, 2, 0), (11, 1, 2)


def quiet(reader: Callable[[str], object]) -> Callable[[str], object]:
    """The same, where what is refused is an answer like others."""

    def read(text: str) -> object:
        try:
            return reader(text)
        except Unfit as unfit:
            assert unfit.message
            return unfit

    return read


READERS: dict[str, Callable[[str], object]] = {
    "address": ipv4,
    "audiodev": lambda text: list(audiodev_misfits({"driver": text, text: Text(text), "in": {text: text}}, OLD)),
    "boot": lambda text: wrong_order(text, is_pc=True),
    "characters": quiet(lambda text: [read_character(flag, text, NEW) for flag in CHARACTER_OPTIONS]),
    "dfilter": wrong_range,
    "guestfwd": read_guestfwd,
    "hostfwd": lambda text: [wrong_hostfwd(text, OLD), wrong_hostfwd(text, NEW)],
    "incoming": lambda text: [wrong_source(text, OLD), wrong_source(text, NEW)],
    "items": lambda text: wrong_item(text, NEW, has_plugins=True),
    "mac": first_byte,
    "net": quiet(lambda text: read_network_word("-net", text)),
    "network": read_subnet,
    "nic": quiet(lambda text: read_network_word("-nic", text)),
    "smbios": lambda text: [wrong_value(number, "release", text) for number in range(4)],
}

#: What begins many of them, so that more than the first word is read.
_BEGINNINGS = ("", "tcp:", "unix:", "udp:", "vc:", "mon:tcp:", "user,", "nic,", "tcp::", "10.0.2.0/", "none,")


@pytest.mark.parametrize("name", READERS)
@given(beginning=st.sampled_from(_BEGINNINGS), text=st.text(max_size=80))
def test_any_text_is_read(name: str, beginning: str, text: str) -> None:
    READERS[name](beginning + text)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", ["1", ",", ":", ".", "a", "-", "=", "0x", " ", "1.", "1:", "a=,", "é"])
def test_long_ones_take_no_longer_than_they_are(name: str, text: str) -> None:
    with processor_time() as cost:
        for beginning in _BEGINNINGS:
            READERS[name](beginning + text * (20_000 // len(text)))
    assert cost.seconds < 5


@pytest.mark.parametrize(
    ("flag", "text", "made"),
    [
        ("-serial", "none", None),
        ("-serial", "chardev:c", None),
        ("-serial", "vcfoo", CharacterWord("vc")),
        ("-serial", "vc:80Cx24C", CharacterWord("vc", (("cols", Text("80")), ("rows", Text("24"))))),
        ("-serial", "mon:null", CharacterWord("null", (("mux", Text("on")),))),
        ("-qmp", "unix:/a,,b,server,nowait", "path=/a,b server=on wait=off"),
        ("-monitor", "telnet::23,server", "host= port=23 server=on telnet=on"),
        ("-gdb", "tcp::1234", "host= port=1234 wait=off delay=off server=on"),
        ("-serial", "udp:a:1@b:2,left=unread", "host=a port=1 localaddr=b localport=2"),
    ],
)
def test_a_character_device(flag: str, text: str, made: CharacterWord | str | None) -> None:
    found = read_character(flag, text, NEW)
    if isinstance(made, str):
        assert found is not None
        assert " ".join(f"{name}={value}" for name, value in found.pairs) == made
    else:
        assert found == made


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("-debugcon", "none"),
        ("-debugcon", "chardev:c"),
        ("-gdb", "1234"),
        ("-serial", "tcp:1234"),
        ("-serial", "tcp:[::1]:1234"),
        ("-serial", "tcp:a:1,server,,nowait"),
        ("-serial", "udp:a:1@b"),
        ("-serial", "file:"),
        ("-serial", "vc:80x"),
        ("-serial", "chardev:"),
        ("-serial", ""),
    ],
)
def test_no_character_device(flag: str, text: str) -> None:
    with pytest.raises(Unfit):
        read_character(flag, text, NEW)


def test_what_a_version_reads() -> None:
    with pytest.raises(Unfit):
        read_character("-serial", "pty:/a", OLD)
    assert read_character("-serial", "pty:/a", NEW) == CharacterWord("pty", (("path", Text("/a")),))
    assert wrong_hostfwd("tcp::1-:22x", OLD)
    assert not wrong_hostfwd("tcp::1-:22x", NEW)
    assert wrong_source("file:/a", OLD)
    assert not wrong_source("file:/a", NEW)
    assert not wrong_source("tcp:a:1,ft_mode", OLD)
    assert wrong_source("tcp:a:1,ft_mode", NEW)
    assert wrong_item("vpu", OLD, has_plugins=True) == "vpu"
    assert wrong_item("vpu", NEW, has_plugins=True) is None
    assert wrong_item("plugin", NEW, has_plugins=False) == "plugin"
    assert keys_of(41, OLD) == frozenset()
    assert "kind" in (keys_of(41, NEW) or ())
    assert keys_of(99, (12, 0, 0)) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [("10.0.2.2", 0x0A000202), ("127.1", 0x7F000001), ("0x7f000001", 0x7F000001), ("010.0.0.1", 0x08000001)],
)
def test_an_address(text: str, address: int) -> None:
    assert ipv4(text) == address


@pytest.mark.parametrize(
    "text", ["", "300.1.1.1", "1.2.3.4.5", "a", "1..2", "-1", " 1.2.3.4", "1.2.3.256", "4294967296"]
)
def test_no_address(text: str) -> None:
    assert ipv4(text) is None


def test_networks() -> None:
    assert read_subnet("10.0.2.7/24") == Subnet(0x0A000200, 0xFFFFFF00)
    assert read_subnet("192.168.7.0") == Subnet(0xC0A80000, 0xFFFF0000)
    assert isinstance(read_subnet("10.0.2.0/33"), str)
    assert isinstance(read_subnet("10.0.2.0/"), str)


def test_ranges() -> None:
    assert wrong_range("0x1000..0x2000,5+1,0x1000-0x200") is None
    assert wrong_range("") is None
    for text in ("1", "2..1", "1+0", "1..", "x..y", "1+1,"):
        assert wrong_range(text) is not None, text


def test_macs() -> None:
    assert first_byte("52:54:00:12:34:56") == first_byte("52-54-00-12-34-56") == 0x52
    assert first_byte("123") is not None
    assert first_byte("01:0:0:0:0:1") == 1
    assert first_byte("52:54:00:12:34") is None


def test_audiodevs() -> None:
    assert not list(audiodev_misfits({"driver": "wav", "id": "a", "path": "b", "in": {"format": "s16"}}, OLD))
    wrong: list[dict[str, Value]] = [
        {"driver": "dbus"},
        {"driver": "wav", "server": "a"},
        {"driver": "none", "in": Text("a")},
        {"driver": "sdl", "out": {"buffer-count": Text("1")}},
        {"driver": "none", "timer-period": True},
    ]
    for value in wrong:
        assert list(audiodev_misfits(value, OLD)), value
