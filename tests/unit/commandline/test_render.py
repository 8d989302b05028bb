"""No value of an option, however it is written, becomes part of another or an option of its own."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities import Capabilities
from prober.commandline.check import check
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Plain, Property, Qapi, Value
from prober.commandline.parse import parse_command_line
from prober.commandline.refusal import Place
from prober.commandline.render import render
from tests.recordings import FIXTURES, load_capabilities

HERE = Place(line=1, path="/domain")
OLD = load_capabilities(FIXTURES / "qemu-5.2.0.replies.xz")
NEW = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).filter(lambda name: name not in ("driver", "id"))
#: What the XML reader lets through: anything but line breaks and control characters.
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
VALUES = TEXTS | st.booleans() | st.integers(0, 2**64 - 1)


def keyval(text: str) -> dict[str, str]:
    """QEMU's own reading of ``key=value`` (``util/keyval.c``, ``util/qemu-option.c``)."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(text):
        end = position
        while end < len(text) and text[end] not in "=,":
            end += 1
        key = text[position:end]
        if end == len(text) or text[end] == ",":
            pairs[""] = key
            position = end + 1
            continue
        value, position = "", end + 1
        while position < len(text):
            if text[position] == ",":
                if text[position + 1 : position + 2] != ",":
                    break
                position += 1
            value += text[position]
            position += 1
        pairs[key] = value
        position += 1
    return pairs


def word(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_device_says_the_same_either_way(pairs: dict[str, str | bool | int]) -> None:
    option = DeviceOption("e1000", tuple(Property(name, value, HERE) for name, value in pairs.items()), HERE)
    flag, new = render([option], NEW)
    assert flag == "-device"
    assert json.loads(new) == {"driver": "e1000", **pairs}
    flag, old = render([option], OLD)
    assert keyval(old) == {"": "e1000", **{name: word(value) for name, value in pairs.items()}}


@given(TEXTS)
def test_a_keyval_option_keeps_its_values(text: str) -> None:
    words = render(
        [Keyval("-name", "", (Property("guest", text, HERE), Property("debug-threads", True, HERE)), HERE)], NEW
    )
    assert words[0] == "-name"
    assert keyval(words[1]) == {"guest": text, "debug-threads": "on"}


@given(TEXTS)
def test_a_plain_option_is_two_words(text: str) -> None:
    assert render([Plain("-append", text, HERE)], NEW) == ["-append", text]


@given(TEXTS)
def test_a_file_name_stays_one(text: str) -> None:
    option = Qapi("-blockdev", "blockdev-add", "driver", {"driver": "file", "filename": text}, HERE)
    assert json.loads(render([option], OLD)[1]) == {"driver": "file", "filename": text}


def test_objects_learned_json_in_6_0() -> None:
    option = Object("memory-backend-ram", "pc.ram", (Property("size", 1048576, HERE),), HERE)
    assert render([option], OLD) == ["-object", "memory-backend-ram,id=pc.ram,size=1048576"]
    assert json.loads(render([option], NEW)[1])["size"] == 1048576


@pytest.mark.parametrize(
    ("items", "written"),
    [
        ([0], "host-nodes=0"),
        ([0, 1, 2, 3], "host-nodes=0-3"),
        ([0, 1, 4, 6, 7, 8], "host-nodes=0-1,host-nodes=4,host-nodes=6-8"),
        ([3, 1, 2, 2], "host-nodes=3,host-nodes=1-2,host-nodes=2"),
        ([], ""),
    ],
)
def test_a_list_repeats_its_key_where_there_is_no_json(items: list[Value], written: str) -> None:
    """As QEMU 5.2 reads it: ``host-nodes.0`` is a property that no object has."""
    properties = (Property("size", 4096, HERE), Property("host-nodes", items, HERE))
    bound = (Property("policy", "bind" if items else "default", HERE),)
    option = Object("memory-backend-ram", "m", (*properties, *bound), HERE)
    texts = ["memory-backend-ram,id=m,size=4096", written, f"policy={bound[0].value}"]
    assert render([option], OLD) == ["-object", ",".join(filter(None, texts))]
    assert json.loads(render([option], NEW)[1])["host-nodes"] == items
    (read,) = parse_command_line(["qemu", *render([option], OLD)]).options
    assert not check([read], OLD)


def test_a_netdev_has_a_text_for_each_item() -> None:
    value: dict[str, Value] = {"type": "user", "id": "n", "hostfwd": [{"str": "tcp::1-:2"}, {"str": "tcp::3-:4"}]}
    option = Qapi("-netdev", "netdev_add", "type", value, HERE)
    assert render([option], OLD) == ["-netdev", "user,id=n,hostfwd=tcp::1-:2,hostfwd=tcp::3-:4"]
    (read,) = parse_command_line(["qemu", *render([option], OLD)]).options
    assert not check([read], OLD)


def test_what_is_no_list_of_such_stays_what_the_check_refuses() -> None:
    mapping: Value = [{"iothread": "t0", "vqs": [1, 2]}]
    option = DeviceOption("virtio-blk-pci", (Property("a", {"b": True}, HERE), Property("m", mapping, HERE)), HERE)
    assert render([option], OLD) == ["-device", "virtio-blk-pci,a.b=on,m.0.iothread=t0,m.0.vqs.0=1,m.0.vqs.1=2"]


def test_global() -> None:
    option = Global("PIIX4_PM", Property("acpi-root-pci-hotplug", False, HERE))
    for caps in (OLD, NEW):
        assert render([option], caps) == ["-global", "PIIX4_PM.acpi-root-pci-hotplug=off"]


def test_every_version_is_known_by_what_it_says() -> None:
    assert isinstance(OLD, Capabilities)
    assert (OLD.version.major, NEW.version.major) == (5, 11)
