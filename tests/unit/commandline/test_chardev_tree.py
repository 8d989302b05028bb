"""The flat and the nested form of a character device: one turned into the other, and back."""

from __future__ import annotations

from typing import Any

import pytest

from prober.capabilities import Capabilities
from prober.commandline.chardev_tree import backend_tree, flat_chardev
from prober.commandline.qapi import misfits
from prober.qemu.decoding import load_recording
from tests.recordings import FIXTURES

#: The keys of ``-chardev`` and the tree of ``chardev-add``; each comes of the other.
BOTH_WAYS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"backend": "null"}, {}),
    ({"backend": "file", "path": "/a", "append": "on"}, {"out": "/a", "append": True}),
    ({"backend": "pipe", "path": "/a", "logfile": "/l", "logappend": "off"},
     {"device": "/a", "logfile": "/l", "logappend": False}),
    ({"backend": "pty"}, {}),
    ({"backend": "mux", "chardev": "c"}, {"chardev": "c"}),
    ({"backend": "spicevmc", "name": "vdagent"}, {"type": "vdagent"}),
    ({"backend": "spiceport", "name": "org.x"}, {"fqdn": "org.x"}),
    ({"backend": "stdio", "signal": "off"}, {"signal": False}),
    ({"backend": "ringbuf", "size": "65536"}, {"size": 65536}),
    ({"backend": "vc", "cols": "80"}, {"cols": 80}),
    ({"backend": "socket", "path": "/s", "server": "on", "wait": "off"},
     {"addr": {"type": "unix", "data": {"path": "/s"}}, "server": True, "wait": False}),
    ({"backend": "socket", "fd": "7", "server": "off"},
     {"addr": {"type": "fd", "data": {"str": "7"}}, "server": False}),
    ({"backend": "socket", "host": "h", "port": "1", "ipv6": "on", "server": "off", "telnet": "on"},
     {"addr": {"type": "inet", "data": {"host": "h", "port": "1", "ipv6": True}}, "server": False, "telnet": True}),
    ({"backend": "udp", "host": "h", "port": "1", "localaddr": "l", "localport": "2"},
     {"remote": {"type": "inet", "data": {"host": "h", "port": "1"}},
      "local": {"type": "inet", "data": {"host": "l", "port": "2"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("flat", "data"), BOTH_WAYS)
def test_one_comes_of_the_other(flat: dict[str, str], data: dict[str, Any]) -> None:
    tree = {"type": flat["backend"], "data": data}
    assert flat_chardev(tree) == flat
    assert backend_tree(flat["backend"], {key: value for key, value in flat.items() if key != "backend"}) == tree


@pytest.mark.parametrize("recording", ["qemu-5.2.0", "qemu-7.2.22", "qemu-10.0.13", "qemu-11.1.2"])
def test_each_tree_is_one_that_the_command_takes(recording: str) -> None:
    caps = Capabilities.from_recording(load_recording(FIXTURES / f"{recording}.replies.xz"))
    schema = caps.schema_
    assert schema is not None
    entity = schema.command("chardev-add")
    assert entity is not None
    for flat, data in BOTH_WAYS:
        value = {"id": "c", "backend": {"type": flat["backend"], "data": data}}
        assert [*misfits(schema, str(entity["arg-type"]), value)] == [], flat


def test_what_the_option_says_by_its_absence_is_said() -> None:
    assert backend_tree("socket", {"path": "/s"}) == {
        "type": "socket",
        "data": {"addr": {"type": "unix", "data": {"path": "/s"}}, "server": False},
    }
    listening = backend_tree("socket", {"path": "/s", "server": "on", "delay": "off"})
    assert listening is not None
    assert (listening["data"]["wait"], listening["data"]["nodelay"]) == (True, True)
    assert flat_chardev({"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": "/s"}}}}) == {
        "backend": "socket",
        "path": "/s",
        "server": "on",
        "wait": "off",
    }
    assert backend_tree("tty", {"path": "/dev/ttyS0"}) == {"type": "serial", "data": {"device": "/dev/ttyS0"}}


@pytest.mark.parametrize("flat", [{"colour": "red"}, {"path": "/a", "mux": "on"}])
def test_a_key_without_a_place_makes_no_tree(flat: dict[str, str]) -> None:
    assert backend_tree("file", flat) is None
    assert backend_tree("no-such", {}) is None


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"type": "no-such", "data": {}},
        {"type": "file", "data": 1},
        {"type": "file", "data": {"out": "/a", "colour": "red"}},
        {"type": "socket", "data": {"addr": {"type": "vsock", "data": {"cid": "3", "port": "1"}}}},
        {"type": "socket", "data": {"addr": {"type": ["unix"], "data": {"path": "/s"}}}},
        {"type": "udp", "data": {"remote": {"type": "unix", "data": {"path": "/s"}}}},
        {"type": "null", "data": {}, "more": 1},
    ],
)
def test_a_member_without_a_key_makes_nothing_flat(tree: dict[str, Any]) -> None:
    assert flat_chardev(tree) is None
