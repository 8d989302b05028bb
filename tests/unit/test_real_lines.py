"""The command lines that people posted: each is read, says nothing of a person or a host, and is like no other."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import pytest

from prober.commandline.parse import parse_command_line
from prober.proof.models import ProofVerdict
from tests.lines.real import DIRECTORY, VERDICTS, read_real_lines, read_words

#: Options whose value's first word, or whose key of that name, says which of many they are.
_TYPED = {
    *("accel", "audiodev", "blockdev", "chardev", "device", "display", "drive", "fsdev", "M", "machine"),
    *("net", "netdev", "nic", "object", "soundhw", "tpmdev", "usbdevice"),
}
_TYPE = re.compile(r'(?:(?:type|driver|qom-type|accel|file)=|[^{]*"(?:driver|qom-type)":")?([^,=":/]+)')

_ADDRESS = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_HARDWARE_ADDRESS = re.compile(r"\b[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+%-]+@[\w-]+\.[\w.-]+")
_HOME = re.compile(r"/(?:home|Users|root)/(?!user\b)|C:\\")
_DOCUMENTATION = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def test_there_are_many() -> None:
    assert len(read_real_lines()) >= 60


def test_each_is_read() -> None:
    for name, words in read_real_lines().items():
        line = parse_command_line(words)
        assert "qemu" in line.binary or line.binary.endswith("kvm"), name
        assert line.options, name


def test_nothing_personal() -> None:
    personal = {file.stem: found for file in DIRECTORY.glob("*.args") if (found := _personal(file.read_text("utf-8")))}
    assert not personal


def test_what_is_personal_is_found() -> None:
    text = "/home/somebody/a 00:11:22:33:44:55 8.8.8.8 a@example.com 6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert len(_personal(text)) == 5
    assert not _personal(
        "/home/user/a 52:54:00:33:44:55 192.0.2.1 127.0.0.1 10.0.2.15 00000000-0000-4000-8000-000000000001"
    )


def _personal(text: str) -> list[str]:
    """What in a text belongs to somebody."""
    return [
        *_HOME.findall(text),
        *_MAIL.findall(text),
        *(address for address in _ADDRESS.findall(text) if not _of_nobody(address)),
        *(address for address in _HARDWARE_ADDRESS.findall(text) if not address.lower().startswith("52:54:00:")),
        *(uuid for uuid in _UUID.findall(text) if not uuid.startswith("00000000-0000-4000-8000-")),
    ]


def _of_nobody(text: str) -> bool:
    """Whether an address is one of the documentation's, or is no public one."""
    address = ipaddress.ip_address(text)
    return not address.is_global or any(address in network for network in _DOCUMENTATION)


def test_no_two_are_of_one_kind() -> None:
    kinds: dict[frozenset[str], str] = {}
    for name, words in read_real_lines().items():
        kind = _kind(words)
        assert kind not in kinds, f"{name} has the options of {kinds[kind]}"
        kinds[kind] = name


def test_a_file_without_its_comment(tmp_path: Path) -> None:
    file = tmp_path / "bare.args"
    file.write_text("qemu-system-x86_64 -m 1G\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"bare\.args: one comment"):
        read_words(file)


def _kind(words: list[str]) -> frozenset[str]:
    """The options of a line with their types."""
    found = set()
    for word, value in zip(words[1:], [*words[2:], ""], strict=True):
        flag = word.lstrip("-") if word[:1] == "-" else ""
        of_type = _TYPE.match(value) if flag in _TYPED else None
        found.add(f"{flag} {of_type.group(1)}" if of_type else flag)
    return frozenset(found)


def test_the_verdicts_are_of_the_lines() -> None:
    verdicts = json.loads(VERDICTS.read_text("utf-8"))
    assert verdicts.keys() == read_real_lines().keys()
    known = {str(verdict) for verdict in ProofVerdict}
    for name, of in verdicts.items():
        assert of.keys() <= {"5.2.0", "7.2.22", "10.0.13", "11.1.2"}, name
        assert set(of.values()) <= known, name
