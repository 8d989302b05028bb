"""Whatever bytes come in as XML: a domain or a named refusal, and never an option that was not asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.capabilities.capabilities import Capabilities
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.xml.document import XmlLimits, parse_xml
from tests.recordings import FIXTURES, ROOT, load_capabilities

EXAMPLE = (ROOT / "fixtures" / "domains" / "example.xml").read_bytes()
VERSIONS = ("5.2.0", "11.1.2")


@cache
def capabilities(version: str) -> Capabilities:
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


def argv_of(domain: Domain, version: str) -> tuple[str, ...]:
    return translate(domain, capabilities(version), binary="/q").argv


def try_all(data: bytes) -> None:
    """Reading and translating end in an argv or in one of the two errors, with a message for each refusal."""
    try:
        domain = read_domain(data)
        for version in VERSIONS:
            argv_of(domain, version)
    except UnreadableDomainError as error:
        assert error.message
    except RefusedError as error:
        assert error.refusals
        assert all(str(refusal) for refusal in error.refusals)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    try_all(data)


@settings(deadline=None)
@given(st.data())
def test_the_example_with_a_part_replaced(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(EXAMPLE)))
    end = data.draw(st.integers(start, min(start + 30, len(EXAMPLE))))
    with_what = data.draw(st.binary(max_size=10) | st.sampled_from([b"<", b"''", b"<pm/>", b"&#0;", b"\xff", b"-1"]))
    try_all(EXAMPLE[:start] + with_what + EXAMPLE[end:])


ELEMENTS = [
    "domain", "name", "memory", "vcpu", "os", "type", "boot", "kernel", "features", "acpi", "pci", "clock", "pm",
    "devices", "emulator", "disk", "source", "target", "driver", "controller", "model", "interface", "mac", "serial",
    "console", "memballoon", "address", "acpi-hotplug", "acpi-hotplug-bridge", "metadata",
]  # fmt: skip
ATTRIBUTES = ["type", "index", "model", "dev", "bus", "file", "hotplug", "enabled", "slot", "unit", "machine", "port"]
WORDS = ["qemu", "pci", "pcie-root-port", "0", "1", "255", "-1", "0x1f", "vda", "hda", "on", "yes", "/a", "user", "pc"]


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(st.sampled_from(ELEMENTS)) if depth else "domain"
    names = draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True, max_size=3))
    attributes = "".join(f" {key}={quoteattr(draw(st.sampled_from(WORDS)))}" for key in names)
    children = "".join(draw(elements(depth + 1)) for _ in range(draw(st.integers(0, 3)) if depth < 3 else 0))
    return f"<{name}{attributes}>{escape(draw(st.sampled_from(WORDS)))}{children}</{name}>"


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(elements())
def test_any_arrangement_of_what_is_known(text: str) -> None:
    try_all(text.encode())


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
TEMPLATE = """<domain type='qemu'><name>{name}</name><memory>65536</memory>
<os><type machine='pc'>hvm</type><kernel>/{kernel}</kernel><cmdline>{cmdline}</cmdline></os><features><acpi/></features>
<devices><disk type='file'><source file='/{disk}'/><target dev='vda'/></disk>
<serial type='file'><source path='/{serial}'/></serial></devices></domain>"""


@pytest.mark.slow
@settings(deadline=None)
@pytest.mark.parametrize("version", VERSIONS)
@given(data=st.data())
def test_a_name_or_path_is_never_an_option(version: str, data: st.DataObject) -> None:
    hostile = TEXTS | st.sampled_from(["-S", "a,readonly=on", "x,,y", "--", "a=b", "'", '"', "{", "\\", "%s", "$(x)"])
    texts = {key: data.draw(hostile) for key in ("name", "kernel", "cmdline", "disk", "serial")}
    plain = argv_of(read_domain(TEMPLATE.format_map(dict.fromkeys(texts, "a")).encode()), version)
    quoted = {key: escape(text, {"'": "&apos;"}) for key, text in texts.items()}
    try:
        argv = argv_of(read_domain(TEMPLATE.format_map(quoted).encode()), version)
    except RefusedError:
        return  # a slash in a name, or nothing but space
    assert len(argv) == len(plain)
    assert [word for word in plain if word.startswith("-")] == [
        ours for ours, theirs in zip(argv, plain, strict=True) if theirs.startswith("-")
    ]
    assert argv[argv.index("-append") + 1] == texts["cmdline"]
    assert argv[argv.index("-kernel") + 1] == "/" + texts["kernel"]
    assert json.loads(argv[argv.index("-blockdev") + 1])["filename"] == "/" + texts["disk"]


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b"", "Document is empty", 1),
        (b"<a>\n</b>", "mismatch", 2),
        (b"<!DOCTYPE a>\n<a/>", "DTD", 1),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<?pi?>\n<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DTD", 4),
        (b"<a>&b;</a>", "Entity 'b' not defined", 1),
        (b"<a>\n\xff</a>", "is not UTF-8", 2),
        ("<a/>".encode("utf-16"), "UTF-16", 0),
        (b"<?xml version='1.0' encoding='latin1'?><a/>", "latin1", 1),
        (b"<a>\n\0</a>", "NUL", 2),
        (b"<a>\n&#1;</a>", "invalid xmlChar", 2),
        (b"<a>" * 65 + b"</a>" * 65, "nested more than 64 deep", 1),
        (b"<a>" * 3000 + b"</a>" * 3000, "", 1),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", "more than 20000 elements", 1),
        (b"<a>" + b" " * 1024 * 1024 + b"</a>", "more than the 1048576 that are read", 0),
        (b"<a b='1' b='2'/>", "redefined", 1),
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_line(data: bytes, message: str, line: int) -> None:
    with pytest.raises(UnreadableDomainError) as caught:
        parse_xml(data)
    assert message in caught.value.message
    assert caught.value.line == line


def test_64_deep_is_read_and_the_limits_can_be_set() -> None:
    assert parse_xml(b"<a>" * 64 + b"</a>" * 64).tag == "a"
    with pytest.raises(UnreadableDomainError):
        parse_xml(b"<a><b/></a>", XmlLimits(depth=1))
    with pytest.raises(UnreadableDomainError):
        parse_xml(b"<a/>", XmlLimits(bytes=3))


def test_a_byte_order_mark_and_the_five_entities_are_read() -> None:
    root = parse_xml("\ufeff<?xml version='1.0' encoding='UTF-8'?><a b='&amp;&lt;&gt;&quot;&apos;'/>".encode())
    assert root.get("b") == "&<>\"'"


def test_no_file_is_ever_read(tmp_path: object) -> None:
    with pytest.raises(UnreadableDomainError):
        parse_xml(b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>")
    root = parse_xml(b"<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='/etc/passwd'/></a>")
    assert root[0].text is None


MANY = {
    "serial": "<serial type='pty'/>",
    "disk": "<disk type='file'><source file='/a'/><target dev='vda'/></disk>",
    "interface": "<interface type='user'/>",
    "port": "<controller type='pci' model='pcie-root-port'/>",
    "bridge": "<controller type='pci' model='pci-bridge'/>",
    "memballoon": "<memballoon model='virtio'/>",
    "misspelt": "<memballon modell='virtio'/>",
}


@pytest.mark.slow
@pytest.mark.timeout(30)
@pytest.mark.parametrize("device", MANY)
def test_as_many_devices_as_a_document_can_hold(device: str) -> None:
    """Each takes a second or two; what grows with the square of their number would take minutes."""
    start = "<domain type='qemu'><name>a</name><memory>1024</memory><os><type machine='q35'>hvm</type></os><devices>"
    count = min((1024 * 1024 - 200) // len(MANY[device]), 6000)
    with pytest.raises(RefusedError) as caught:
        argv_of(read_domain(f"{start}{MANY[device] * count}</devices></domain>".encode()), "11.1.2")
    assert len(caught.value.refusals) > 100


_READ_NAMES = """
from prober.xml.document import parse_xml

def resident() -> int:
    status = open("/proc/self/status").read()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10

def read(first: int, last: int) -> None:
    for number in range(first, last):
        names = "".join(f"<a{number}_{place}_{'x' * 80}/>" for place in range(9000))
        parse_xml(f"<domain>{names}</domain>".encode())

read(0, 30)
before = resident()
read(30, 70)
print(resident() - before)
"""


@pytest.mark.slow
def test_names_that_are_made_up_do_not_take_all_memory() -> None:
    """libxml2 keeps each name that a thread has seen: some 30 MiB of 30 more documents, if nothing ended it."""
    done = subprocess.run([sys.executable, "-c", _READ_NAMES], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 12
