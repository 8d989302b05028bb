"""What is fed, and with what it begins: each reader of what somebody else wrote."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.explain import explain
from prober.capabilities.members import unfold
from prober.capabilities.schema import QapiSchema
from prober.cli.completion.candidates import find_candidates, lines_of
from prober.cli.completion.line import split_line
from prober.commandline.config_file import read_config
from prober.commandline.parse import split_shell
from prober.commandline.qapi import misfits
from prober.commandline.qmp import check_commands, read_command
from prober.commandline.report import check_argv
from prober.commandline.written import read_written
from prober.errors import ProberError
from prober.host.files import read_host
from prober.qemu.recording import Recording
from prober.rehearsal.commands import reason_against
from prober.rehearsal.preflight.headers import read_image_header
from prober.service.configuration import load_settings
from prober.translate.pipeline import translate
from prober.translate.plug import RunningGuest, find_running, plug_in
from prober.translate.read import read_domain
from prober.why.book import load_book
from prober.why.find import find_said
from tests.fakes.making import small_answers
from tests.fuzz.rehearsed import BODY_TOKENS, body_seeds, command_seeds, run_body, run_state, state_seeds
from tests.recordings import FIXTURES, ROOT, load_capabilities
from tests.unit.rehearsal.preflight.scratch import qcow2

_VERSIONS = ("5.2.0", "11.1.2")
_TREES = ("blockdev-add", "netdev_add", "object-add", "chardev-add")


@dataclass(frozen=True)
class Target:
    """``run`` reads one input; ``seeds`` are good ones, ``tokens`` words of their language.  ``most`` bytes are what it
    is given at most."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    tokens: Sequence[bytes]
    most: int = 1 << 16


@cache
def capabilities(version: str) -> Capabilities:
    """Of a recording that comes along."""
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


# XML: read, and translated for an old and a new QEMU.


def run_xml(data: bytes) -> None:
    domain = read_domain(data)
    refused: ProberError | None = None
    for version in _VERSIONS:
        try:
            translate(domain, capabilities(version), binary="/q")
        except ProberError as error:
            refused = error
    if refused is not None:
        raise refused


@cache
def _xml_seeds() -> Sequence[bytes]:
    files = [*(ROOT / "fixtures/domains").glob("*.xml"), *sorted((ROOT / "tests/cases").rglob("*.xml"))[::7]]
    return [path.read_bytes() for path in files]


_XML_TOKENS = (
    b"<pm/>", b"<devices>", b"</devices>", b"<disk type='file'>", b"<address type='pci' slot='0x1f'/>",
    b" index='4294967296'", b"<controller type='pci' model='pcie-root-port'/>", b"<!--", b"-->", b"<![CDATA[",
    b"]]>", b"&amp;", b"&#0;", b"&x;", b"<!DOCTYPE d [<!ENTITY x 'y'>]>",
    b" xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'", b"<?pi?>", b"<metadata>", b" type='q35'",
    b"<alias name='ua-1'/>", b"<boot order='1'/>", b"<target dev='vda' bus='virtio'/>", b"<numa>", b"<cell/>",
)  # fmt: skip


# The form of recordings, and what is made of one: all of it comes from a QEMU.


def run_replies(data: bytes) -> None:
    recording = Recording.loads(data.decode(errors="replace"))
    caps = Capabilities.from_recording(recording)
    for fact in ("e1000", "e1000.mac", "blockdev-add.driver", "-name.guest", "-display gtk", "quit"):
        try:
            caps.supports(fact)
            explain(caps, fact)
        except ProberError:
            continue
    Recording.loads(recording.dumps())


@cache
def _replies_seeds() -> Sequence[bytes]:
    lines = []
    for number, (key, body) in enumerate(small_answers().items(), start=1):
        command, _, arguments = key.partition(" ")
        question: dict[str, Any] = {"execute": command, "id": f"libvirt-{number}"}
        if arguments:
            question["arguments"] = json.loads(arguments)
        lines += [json.dumps(question, indent=2), json.dumps({**body, "id": f"libvirt-{number}"}, indent=2)]
    small = "\n\n".join(lines)
    return [small.encode(), "\n\n".join(lines[:6]).encode(), *_schema_seeds_in_replies()]


def _schema_seeds_in_replies() -> list[bytes]:
    question = json.dumps({"execute": "query-version"})
    version = json.dumps({"return": {"qemu": {"major": 9, "minor": 0, "micro": 0}, "package": ""}})
    asked = json.dumps({"execute": "query-qmp-schema"})
    return [f'{question}\n\n{version}\n\n{asked}\n\n{{"return": {seed.decode()}}}'.encode() for seed in _schema_seeds()]


_JSON_TOKENS = (
    b"null", b"true", b"[]", b"{}", b"}\n\n{",
)  # fmt: skip


# A schema that a hostile QEMU sent, unfolded and held against values.


def run_schema(data: bytes) -> None:
    question = json.dumps({"execute": "query-version"})
    version = json.dumps({"return": {"qemu": {"major": 9, "minor": 0, "micro": 0}, "package": ""}})
    asked = json.dumps({"execute": "query-qmp-schema"})
    text = f'{question}\n\n{version}\n\n{asked}\n\n{{"return": {data.decode(errors="replace")}}}'
    schema = Capabilities.from_recording(Recording.loads(text)).schema_
    if schema is not None:
        values: tuple[Any, ...] = ({}, {"a": 1, "b": [None, "x"]}, [], "x", 2**70)
        for value in values:
            list(misfits(schema, "0", value))
        unfold(schema, "blockdev-add")


@cache
def _schema_seeds() -> Sequence[bytes]:
    members = [{"name": "a", "type": "int"}, {"name": "b", "type": "1", "default": None}]
    entities = [
        {"name": "blockdev-add", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
        {"name": "0", "meta-type": "object", "members": members, "tag": "t", "variants": [{"case": "x", "type": "0"}]},
        {"name": "1", "meta-type": "array", "element-type": "2"},
        {"name": "2", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "3"}, {"type": "null"}]},
        {"name": "3", "meta-type": "enum", "values": ["x", "y"], "members": [{"name": "x"}, {"name": "y"}]},
        *({"name": name, "meta-type": "builtin", "json-type": kind} for name, kind in _BUILTINS),
    ]
    return [json.dumps(entities).encode(), json.dumps(entities[:2]).encode()]


_BUILTINS = (("int", "int"), ("str", "string"), ("null", "null"), ("bool", "boolean"), ("any", "value"))


# A value held against a real schema.


def run_qapi(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    for version in _VERSIONS:
        schema = capabilities(version).schema_
        assert isinstance(schema, QapiSchema)
        for command in _TREES:
            entity = schema.command(command)
            if entity is not None:
                list(misfits(schema, str(entity["arg-type"]), value))


def _qapi_seeds() -> Sequence[bytes]:
    values: tuple[Any, ...] = (
        {"driver": "qcow2", "node-name": "a", "file": {"driver": "file", "filename": "/a"}, "backing": None},
        {"driver": "raw", "file": {"driver": "nbd", "server": {"type": "inet", "host": "h", "port": "1"}}},
        {"type": "tap", "id": "n", "fds": "1:2", "vhost": True},
        {"qom-type": "memory-backend-ram", "id": "m", "size": 1024, "host-nodes": [0, 1]},
        {"id": "c", "backend": {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": "/p"}}}}},
    )
    return [json.dumps(value).encode() for value in values]


# Command lines: words as a shell has them, and what is found of them.


def run_words(data: bytes) -> None:
    with suppress(ProberError):
        read_written(data.decode(errors="surrogateescape"), "vm@1.service", {})
    words = split_shell(data.decode(errors="surrogateescape"))
    for version in _VERSIONS:
        check_argv(words, capabilities(version))


@cache
def _words_seeds() -> Sequence[bytes]:
    """A line of each kind that the rules' own tests have, and a few that hold more."""
    files = sorted((ROOT / "tests/unit/commandline/rules/lines").glob("*.txt"))
    lines = [line for path in files for line in path.read_text().splitlines()[:60:5] if line.startswith("[")]
    tree = b'{"driver":"qcow2","node-name":"a","file":{"driver":"file","filename":"/a"}}'
    return [
        *(f"qemu {line.partition('] ')[2]}".encode() for line in lines),
        b"qemu -machine q35,usb=off -device e1000,mac=52:54:00:00:00:01 -drive file=a,,b,if=none,id=d -global a.b=c",
        b"qemu -blockdev '" + tree + b"' -object x,id=y",
        b"qemu -netdev tap,id=n,fds=1:2 -chardev socket,id=c,path=/p,server=on -smp 4,cores=2 -cpu host,+x,-y -m 1G",
    ]


# Files of ``-readconfig``: groups of keys.


def run_config(data: bytes) -> None:
    words = [word for option in read_config(data.decode(errors="replace"), "x.cfg") for word in option[1:]]
    check_argv(["qemu", *words], capabilities(_VERSIONS[-1]))


def _config_seeds() -> Sequence[bytes]:
    return [
        b'# a machine\n[machine]\n  type = "q35"\n\n[device "net0"]\n  driver = "e1000"\n  mac = "52:54:00:00:00:01"\n',
        b'[drive "d"]\n  if="none"\n  file = "a,b"\n[global]\n driver = "e1000"\n property = "x"\n value = "1"\n',
    ]


_CONFIG_TOKENS = (b"[device", b'"x"]', b"[machine]\n", b' = "', b'"\n', b"#", b"[", b"]", b'id = "a"\n', b"[object]\n")


_WORDS_TOKENS = (
    b" -device ", b",id=", b"=on", b" -global ", b",,", b" -drive ", b",if=none", b" -object ", b"'{", b"}'",
    b" -netdev ", b" -numa node,cpus=0-", b" -smp ", b" -m ", b"K", b"T", b"addr=0x", b".0", b".",
    b"bus=pci.0", b" -machine ", b" -cpu ",
)  # fmt: skip


# Settings: the service's, and those of a host.


def run_settings(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        for read in (load_settings, read_host):
            try:
                read(Path(file.name))
            except ProberError:
                continue


def _settings_seeds() -> Sequence[bytes]:
    text = (ROOT / "packaging/prober.toml").read_text()
    told = "\n".join(
        line.removeprefix("#").partition("  #")[0] for line in text.splitlines() if " = " in line or "[" in line
    )
    host = (
        b'render_node = "/dev/dri/x"\n[settings]\nvnc_listen = "0.0.0.0"\nvnc_tls = true\n'
        b'[networks.default]\nforward = "nat"\nbridge = "virbr0"\n[[pools]]\nname = "p"\n'
        b'volumes = [{ name = "v", type = "file", path = "/v" }]\n'
    )
    return [told.encode(), text.encode(), host]


_SETTINGS_TOKENS = (
    b" = ", b"[catalog]", b"[[pools]]", b"[a.b]", b"'''", b"true", b"[]", b"{}", b"1979-05-27", b"inf", b"#",
    b"a.", b"a={", b" ", b"\"\"\"", b"\\",
)  # fmt: skip

# Images: the header, as it is read before a guest starts.


def run_image(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        read_image_header(file.fileno(), len(data))


def _image_seeds() -> Sequence[bytes]:
    return [qcow2()[:4096], qcow2("base", "qcow2")[:4096], qcow2(data="data")[:4096], b"QED\0".ljust(64, b"\0")]


_IMAGE_TOKENS = (b"QFI\xfb", b"QED\0", b"KDMV", b"conectix", b"\xe2\x79\x2a\xca", b"\xff\xff\xff\xff", b"\0\0\0\0")

# What somebody said, and what somebody types.


def run_said(data: bytes) -> None:
    find_said(data.decode("utf-8", "replace"), load_book())


def run_typed(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".replies") as file:
        file.write(data)
        file.flush()
        text = data.decode("utf-8", "replace")
        for line in (f"prober {text}", f"prober show --replies {file.name} type {text[:20]}"):
            list(lines_of(find_candidates(split_line(line))))


def _said_seeds() -> Sequence[bytes]:
    lines = (ROOT / "tests/unit/why/messages.tsv").read_bytes().splitlines()[1:]
    return [line.split(b"\t")[1] for line in lines]


def _typed_seeds() -> Sequence[bytes]:
    return [
        b"supports --replies qemu-7.2 PIIX4_PM.acpi",
        b"check-argv --replies=qemu-11 -- qemu-system-x86_64 -device 'virtio-rng-pci,r",
        b"fleet can --",
        *_replies_seeds(),
    ]


_SAID_TOKENS = (
    b": ", b"qemu-system-x86_64: ", b"-device a,b=c: ", b"'", b'"', b"\n", b"\\n", b" not found",
    b"Property '", b"error: ",
    b"2024-05-01T10:00:00.000000Z ", b"\x1b[31m", b"Could not open '", b"internal error: ",
)  # fmt: skip

_TYPED_TOKENS = (b" ", b"'", b"\\", b"--", b"--replies=", b"=", b".", b"-- ", b'"execute": "qom-list-types"\n}\n', b"{")

# What is plugged into a guest that runs: a device, or a command of QMP.


@cache
def _guests() -> Sequence[RunningGuest]:
    domain = read_domain((ROOT / "fixtures/domains/example.xml").read_bytes())
    return [find_running(domain, capabilities(version)) for version in _VERSIONS]


def run_device(data: bytes) -> None:
    refused: ProberError | None = None
    for guest in _guests():
        try:
            plug_in(guest, data)
        except ProberError as error:
            refused = error
    if refused is not None:
        raise refused


def _device_seeds() -> Sequence[bytes]:
    root = etree.parse(ROOT / "fixtures/domains/example.xml").getroot()
    devices = root.find("devices")
    assert devices is not None
    return [etree.tostring(device) for device in devices] + [
        b"<vcpu current='2'>4</vcpu>",
        b"<vcpus><vcpu id='1' enabled='yes' hotpluggable='yes'/></vcpus>",
        b"<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        b"<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
        b"<redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='4'/></redirdev>",
    ]


def run_command(data: bytes) -> None:
    command = read_command(data.decode("utf-8", "replace"))
    for version in _VERSIONS:
        check_commands([command], capabilities(version))
    reason_against(command)


TARGETS = (
    Target("xml", run_xml, _xml_seeds, _XML_TOKENS),
    Target("replies", run_replies, _replies_seeds, _JSON_TOKENS),
    Target("schema", run_schema, _schema_seeds, _JSON_TOKENS),
    Target("qapi", run_qapi, _qapi_seeds, (*_JSON_TOKENS, b'"driver"', b'"file"', b'"type"')),
    Target("words", run_words, _words_seeds, _WORDS_TOKENS),
    Target("config", run_config, _config_seeds, _CONFIG_TOKENS),
    Target("settings", run_settings, _settings_seeds, _SETTINGS_TOKENS),
    Target("image", run_image, _image_seeds, _IMAGE_TOKENS),
    Target("said", run_said, _said_seeds, _SAID_TOKENS),
    Target("typed", run_typed, _typed_seeds, _TYPED_TOKENS),
    Target("device", run_device, _device_seeds, _XML_TOKENS),
    Target("command", run_command, command_seeds, (*_JSON_TOKENS, b'"driver"', b'"data"', b'"type"', b'"id"')),
    Target("body", run_body, body_seeds, BODY_TOKENS),
    Target("state", run_state, state_seeds, _JSON_TOKENS),
)
