"""Options as the commands of QMP that make the same of a machine that runs, and what is found of such commands."""

from __future__ import annotations

import json
from functools import cache

import pytest

from prober.capabilities import Capabilities
from prober.commandline.parse import parse_command_line
from prober.commandline.qmp import QmpCommand, check_commands, command_of, read_command
from prober.errors import UsageError
from prober.qemu.decoding import load_recording
from tests.recordings import FIXTURES


@cache
def caps(version: str) -> Capabilities:
    return Capabilities.from_recording(load_recording(FIXTURES / f"qemu-{version}.replies.xz"))


@pytest.mark.parametrize(
    ("flag", "value", "command"),
    [
        ("-device", '{"driver":"e1000","id":"n","bootindex":1}', {"driver": "e1000", "id": "n", "bootindex": 1}),
        ("-object", '{"qom-type":"iothread","id":"i"}', {"qom-type": "iothread", "id": "i"}),
        ("-netdev", '{"type":"user","id":"n"}', {"type": "user", "id": "n"}),
        ("-blockdev", '{"driver":"null-co","node-name":"d"}', {"driver": "null-co", "node-name": "d"}),
        ("-chardev", "null,id=c", {"id": "c", "backend": {"type": "null", "data": {}}}),
    ],
)
def test_an_option_becomes_its_command(flag: str, value: str, command: dict[str, object]) -> None:
    (option,) = parse_command_line(["qemu", flag, value]).options
    made = command_of(option)
    assert made is not None
    names = {"-device": "device_add", "-object": "object-add", "-netdev": "netdev_add", "-blockdev": "blockdev-add"}
    assert (made.execute, made.arguments) == (names.get(flag, "chardev-add"), command)
    assert made.name == command.get("id", command.get("node-name"))
    assert read_command(made.text()) == made


def test_other_options_have_none() -> None:
    options = parse_command_line(["qemu", "-S", "-machine", "pc", "-display", "none"]).options
    assert [command_of(option) for option in options] == [None] * 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "device_add",
        "[]",
        "{}",
        '{"execute":1}',
        '{"execute":"a","arguments":[]}',
        '{"execute":"a","b":1}',
        "[" * 5000,
    ],
)
def test_what_is_no_command_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        read_command(text)


def test_an_id_of_the_sender_counts_for_nothing() -> None:
    assert read_command('{"execute":"device_del","arguments":{"id":"a"},"id":7}') == QmpCommand(
        execute="device_del", arguments={"id": "a"}
    )


@pytest.mark.parametrize(
    ("version", "command", "found"),
    [
        ("10.0.13", {"execute": "device_add", "arguments": {"driver": "e1000"}}, []),
        ("10.0.13", {"execute": "device_add", "arguments": {"driver": "e1000", "bootindex": "4"}}, ["bootindex"]),
        # Before QEMU 9.2 any value was read as a text.
        ("7.2.22", {"execute": "device_add", "arguments": {"driver": "e1000", "vectors": "x"}}, ["vectors"]),
        ("7.2.22", {"execute": "device_add", "arguments": {"driver": "virtio-rng-pci", "vectors": "4"}}, []),
        ("10.0.13", {"execute": "device_add", "arguments": {}}, ["driver"]),
        ("10.0.13", {"execute": "device_add", "arguments": {"driver": "nosuch"}}, ["driver"]),
        ("10.0.13", {"execute": "no-such"}, [""]),
        ("10.0.13", {"execute": "netdev_add", "arguments": {"type": "user"}}, ["id"]),
        ("10.0.13", {"execute": "blockdev-add", "arguments": {"driver": "qcow2", "node-name": "a"}}, ["file"]),
        ("10.0.13", {"execute": "object-add", "arguments": {"qom-type": "iothread"}}, ["id"]),
        ("10.0.13", {"execute": "object-add", "arguments": {"qom-type": "iothread", "id": "a", "x": 1}}, ["x"]),
        (
            "10.0.13",
            {"execute": "object-add", "arguments": {"qom-type": "iothread", "id": "a", "props": {}}},
            ["props"],
        ),
        ("5.2.0", {"execute": "object-add", "arguments": {"qom-type": "iothread", "id": "a", "props": {}}}, []),
        (
            "10.0.13",
            {"execute": "chardev-add", "arguments": {"id": "c", "backend": {"type": "file"}}},
            ["backend.data"],
        ),
    ],
)
def test_a_command_is_held_against_the_binary(version: str, command: dict[str, object], found: list[str]) -> None:
    findings = check_commands([read_command(json.dumps(command))], caps(version))
    assert [finding.part for finding in findings] == found
    assert {finding.place for finding in findings} <= {(1, command["execute"])}


@pytest.mark.parametrize("line", [(), ("-chardev", "null,id=c")])
def test_what_a_command_names_is_on_the_line_or_made_by_a_command(line: tuple[str, ...]) -> None:
    options = parse_command_line(["q", *line]).options
    netdev = read_command('{"execute": "netdev_add", "arguments": {"type": "vhost-user", "id": "n", "chardev": "c"}}')
    card = read_command('{"execute": "device_add", "arguments": {"driver": "virtio-net-pci", "netdev": "n"}}')
    again = read_command('{"execute": "device_add", "arguments": {"driver": "usb-tablet", "id": "t"}}')
    found = check_commands([netdev, card, again, again], caps("10.0.13"), options=options)
    assert [(finding.place, finding.part, finding.rule) for finding in found] == (
        [] if line else [((1, "netdev_add"), "chardev", "line/reference")]
    )
    assert all("neither on the command line nor made by a command" in finding.message for finding in found)
    assert check_commands([netdev], caps("10.0.13")) == []
