"""Words to options: QEMU's two parsers as they are, and nothing that anybody writes makes this one fail."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.commandline.check import check
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Property, Qapi
from prober.commandline.parse import MOST_CHARACTERS, MOST_WORDS, parse_command_line, split_shell
from prober.commandline.refusal import Finding, Kind, Position, Unfit
from prober.commandline.text import as_number, as_size, as_switch, build_tree, split_pairs
from prober.errors import UsageError
from tests.cost import processor_time
from tests.recordings import FIXTURES, load_capabilities

CAPS = {version: load_capabilities(FIXTURES / f"qemu-{version}.replies.xz") for version in ("5.2.0", "11.1.2")}

AT = Position(1, "-x")


def parse(*words: str) -> tuple[Option, ...]:
    parsed = parse_command_line(["qemu", *words])
    assert parsed.findings == ()
    return parsed.options


def values(properties: Iterable[Property]) -> dict[str, Any]:
    return {item.name: item.value for item in properties}


def fault(*words: str) -> str:
    parsed = parse_command_line(["qemu", *words])
    (finding,) = parsed.findings
    assert (finding.kind, parsed.options) == (Kind.error, ())
    return finding.message


@pytest.mark.parametrize(
    ("text", "implied", "pairs"),
    [
        ("a=b,c=d", "", [("a", "b"), ("c", "d")]),
        ("virtio-blk-pci,id=x", "driver", [("driver", "virtio-blk-pci"), ("id", "x")]),
        ("a=b,,c,d=e", "", [("a", "b,c"), ("d", "e")]),
        ("file=a,,,b=c", "", [("file", "a,"), ("b", "c")]),
        ("a=b=c", "", [("a", "b=c")]),
        ("x,,y,id=z", "driver", [("driver", "x,y"), ("id", "z")]),
        ("on,off", "", [("on", None), ("off", None)]),
        ("a=", "", [("a", "")]),
        ("", "driver", []),
    ],
)
def test_pairs(text: str, implied: str, pairs: list[tuple[str, str | None]]) -> None:
    assert list(split_pairs(text, implied)) == pairs


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), st.text(), max_size=6))
def test_commas_are_doubled_and_come_back(pairs: dict[str, str]) -> None:
    text = ",".join(f"{key}={value.replace(',', ',,')}" for key, value in pairs.items())
    assert dict(split_pairs(text, "")) == pairs


@pytest.mark.parametrize(
    ("pairs", "tree"),
    [
        ({"a.b": "1", "a.c.d": "2"}, {"a": {"b": "1", "c": {"d": "2"}}}),
        ({"a.1": "y", "a.0": "x"}, {"a": ["x", "y"]}),
        ({"a.0.b": "x", "a.1.b": "y"}, {"a": [{"b": "x"}, {"b": "y"}]}),
    ],
)
def test_dotted_keys_are_a_tree(pairs: dict[str, Any], tree: dict[str, Any]) -> None:
    assert build_tree(pairs.items()) == tree


@pytest.mark.parametrize(
    "keys", [["a", "a.b"], ["a.b", "a"], ["a.1"], ["a.0", "a.b"], ["a..b"], [".a"], [".".join("a" * 40)]]
)
def test_no_tree(keys: list[str]) -> None:
    with pytest.raises(Unfit):
        build_tree((key, split_text("x")) for key in keys)


def split_text(text: str) -> Any:
    return next(iter(split_pairs(f"k={text}", "")))[1]


@pytest.mark.parametrize(
    ("text", "number", "size", "switch"),
    [
        ("0x10", 16, 16, None),
        ("010", 8, 10, None),
        ("-1", -1, None, None),
        ("+5", 5, 5, None),
        ("1k", None, 1024, None),
        ("1.5G", None, 3 << 29, None),
        ("09", None, 9, None),
        ("on", None, None, True),
        ("n", None, None, False),
        ("1.5", None, None, None),
        ("", None, None, None),
    ],
)
def test_what_a_text_stands_for(text: str, number: int | None, size: int | None, switch: bool | None) -> None:
    assert (as_number(text), as_size(text), as_switch(text)) == (number, size, switch)


def test_switches_are_on_and_off_alone_before_6() -> None:
    assert [as_switch(text, short=False) for text in ("on", "off", "yes", "n")] == [True, False, None, None]


def test_each_option_is_read_as_qemu_reads_it() -> None:
    device, flat, setting, other, ram, flat_ram, node, net, chardev, machine, cpu, bare = parse(
        *("-device", '{"driver":"e1000","id":"a","multifunction":true}'),
        *("--device", "e1000,id=b,multifunction,nocache"),
        *("-global", "e1000.x.y=1=2"),
        *("-global", "driver=cfi.pflash01,property=secure,value=on"),
        *("-object", '{"qom-type":"memory-backend-ram","id":"m","size":5}'),
        *("-object", "memory-backend-ram,id=n,size=5,host-nodes=0-1,host-nodes=3"),
        *("-blockdev", "qcow2,node-name=q,file.driver=file,file.filename=a,,b"),
        *("-netdev", "user,id=u,hostfwd=tcp::1-:2,hostfwd=tcp::3-:4"),
        *("-chardev", "socket,id=c,path=/a,server"),
        *("-M", "q35,usb=off"),
        *("-cpu", "max,+avx,-aes,level=3"),
        "-S",
    )
    assert isinstance(device, DeviceOption)
    assert (device.driver, values(device.properties)) == ("e1000", {"id": "a", "multifunction": True})
    assert isinstance(flat, DeviceOption)
    assert values(flat.properties) == {"id": "b", "multifunction": "on", "cache": "off"}
    assert isinstance(setting, Global)
    assert (setting.driver, setting.setting.name, setting.setting.value) == ("e1000", "x.y", "1=2")
    assert isinstance(other, Global)
    assert (other.driver, other.setting.name, other.setting.value) == ("cfi.pflash01", "secure", "on")
    assert isinstance(ram, Object)
    assert (ram.qom_type, ram.id, values(ram.properties)) == ("memory-backend-ram", "m", {"size": 5})
    assert isinstance(flat_ram, Object)
    assert values(flat_ram.properties) == {"size": "5", "host-nodes": ["0-1", "3"]}
    assert isinstance(node, Qapi)
    assert node.value == {"driver": "qcow2", "node-name": "q", "file": {"driver": "file", "filename": "a,b"}}
    assert isinstance(net, Qapi)
    assert net.value == {"type": "user", "id": "u", "hostfwd": ["tcp::1-:2", "tcp::3-:4"]}
    assert isinstance(chardev, Keyval)
    assert (chardev.first, values(chardev.pairs)) == ("socket", {"id": "c", "path": "/a", "server": "on"})
    assert isinstance(machine, Keyval)
    assert (machine.flag, machine.first, values(machine.pairs)) == ("-machine", "q35", {"usb": "off"})
    assert isinstance(cpu, Keyval)
    assert (cpu.first, values(cpu.pairs)) == ("max", {"avx": "on", "aes": "off", "level": "3"})
    assert bare == Plain("-S", None, Position(23, "-S"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-device"], "requires an argument"),
        (["-device", "id=x"], "the driver is missing"),
        (["-device", '{"driver":"a","driver":"b"}'], "a key is given twice"),
        (["-device", "{" * 5000], "nested too deeply"),
        (["-device", "{" * 50], "not JSON"),
        (["-blockdev", "[" * 50], "is not one"),
        (["-global", "x"], "is neither"),
        (["-object", "iothread"], "id is missing"),
        (["-object", '{"id":"x"}'], "qom-type is missing"),
        (["-blockdev", "raw,a.1=x"], "hole"),
        (["-machine", ",usb=off"], "empty key"),
    ],
)
def test_what_qemu_does_not_parse(words: list[str], message: str) -> None:
    if words[0] == "-blockdev" and words[1].startswith("["):
        findings = found(words)
        assert any(message in finding.message for finding in findings)
    else:
        assert message in fault(*words)


def test_deep_json_is_a_fault() -> None:
    assert fault("-blockdev", '{"a":' * 100_000 + "1" + "}" * 100_000) == "is nested too deeply"


def test_shell() -> None:
    assert split_shell("A=b C=d \\\n/usr/bin/qemu -name 'a b' \\\n-S") == ["/usr/bin/qemu", "-name", "a b", "-S"]
    for text in ("", "A=b", "'", "x" * (MOST_CHARACTERS + 1)):
        with pytest.raises(UsageError):
            split_shell(text)


def test_bounds() -> None:
    for words in ([], ["qemu"] * (MOST_WORDS + 1), ["x" * (MOST_CHARACTERS + 1)]):
        with pytest.raises(UsageError):
            parse_command_line(words)


# Whatever comes, there is an answer.

_FLAGS = st.sampled_from(
    [
        "-device", "-global", "-object", "-blockdev", "-netdev", "-audiodev", "-chardev", "-display", "-compat",
        "-machine", "-accel", "-cpu", "-smp", "-m", "-boot", "-rtc", "-name", "-sandbox", "-overcommit", "-msg",
        "-smbios", "-fw_cfg", "-spice", "-vnc", "-drive", "-mon", "-add-fd", "-numa", "-tpmdev", "-fsdev",
        "-acpitable", "-watchdog-action", "-action", "-S", "-nope", "-", "--", "-no-acpi", "-readconfig",
        "-virtfs", "-set",
    ]
)  # fmt: skip
_WORD = st.sampled_from(
    [
        "driver", "id", "bus", "addr", "type", "qom-type", "node-name", "file", "format", "name", "path",
        "e1000", "pc", "q35", "none", "raw", "virtio-blk-pci", "pci.0", "drive", "pci-bridge", "masterbus",
        "multifunction", "on", "off", "0x1.0x1", "-1", "99999999999999999999", "size", "cpus", "dist", "node",
        "0-3", "memdev", "value", "property", "host-nodes", "secret", "key-secret", "base", "localtime",
    ]
) | st.text(max_size=6)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORD, inner, max_size=4),
    max_leaves=12,
)
_KEYVAL = st.lists(st.tuples(_WORD, _WORD) | st.tuples(_WORD), max_size=6).map(
    lambda pairs: ",".join("=".join(pair) for pair in pairs)
)
_VALUE = _KEYVAL | _JSON.map(json.dumps) | st.text()
_WORDS = st.lists(st.tuples(_FLAGS, _VALUE) | st.tuples(_FLAGS) | st.tuples(st.text()), max_size=5)


def found(words: list[str], version: str = "11.1.2") -> list[Finding]:
    parsed = parse_command_line(["qemu", *words])
    return [*parsed.findings, *check(parsed.options, CAPS[version])]


@pytest.mark.slow
@pytest.mark.parametrize("version", CAPS)
@settings(max_examples=400, deadline=None)
@given(options=_WORDS)
def test_nothing_makes_it_fail(version: str, options: list[tuple[str, ...]]) -> None:
    for finding in found([word for option in options for word in option], version):
        assert str(finding)
        assert finding.model_dump_json()


@pytest.mark.parametrize(
    "words",
    [
        ["-device", "e1000,addr=0x3"] * 4000,
        [word for i in range(4000) for word in ("-device", f"pci-bridge,id=a{i},bus=b{i},chassis_nr=1")],
        [word for i in range(4000) for word in ("-device", f"virtio-blk-pci,drive=d{i}")],
        [word for i in range(4000) for word in ("-global", f"PIIX4_PM.x{i}=1")],
        ["-global", "device.id=1"] * 8000,
        [word for i in range(4000) for word in ("-device", f"e1000-{i}")],
        ["-blockdev", "driver=raw," + ",".join(f"a.{i}=x" for i in range(100_000))],
        ["-device", "e1000," + "," * 1_000_000],
        ["-drive", "x" * 1_000_000 + "=1"],
        ["-blockdev", json.dumps({"driver": "quorum", "children": [{"driver": "null-co"}] * 30_000})],
        ["-no" + "x" * 1_000_000],
        ["-chardev", "null,id=" + "a" * 1_000_000],
        ["-device", "e1000,id=" + "9" * 1_000_000],
        ["-m", "9" * 1_000_000],
        ["-device", "virtio-blk-pci,num-queues=" + "9" * 1_000_000],
    ],
    ids=range(15),
)
def test_hostile_lines_take_no_long_time(words: list[str]) -> None:
    found(["-S"])
    with processor_time() as cost:
        assert found(words) is not None
    assert cost.seconds < 5.0


@given(st.text(alphabet=" \t\n'\"\\\\ab=", max_size=14))
def test_words_are_those_of_a_shell(text: str) -> None:
    """As Python's own ``shlex`` has them, whose time grows with the square of a word's length."""
    joined = text.replace("\\\n", " ")
    try:
        expected = shlex.split(joined)
    except ValueError:
        with pytest.raises(UsageError, match="not a shell command line"):
            split_shell(text)
        return
    while expected and re.fullmatch(r"[A-Za-z_]\w*=.*", expected[0], re.DOTALL):
        expected.pop(0)
    if expected:
        assert split_shell(text) == expected


@pytest.mark.parametrize("text", ["x" * 250_000, "''" * 125_000, '"' + "\\a" * 120_000 + '"', "\\ " * 125_000])
def test_a_long_word_takes_no_longer_than_many(text: str) -> None:
    with processor_time() as cost:
        split_shell(text)
    assert cost.seconds < 2
