"""Images on a host made for it: files of each wrong kind, rights, chains, loops, locks."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.rehearsal.preflight.headers import read_image_header
from prober.rehearsal.preflight.model import HostFinding
from tests.unit.rehearsal.preflight.scratch import ScratchHost, domain, found, look, qcow2

Spoil = Callable[[ScratchHost], object]

IMAGE = "/images/vm/disk"


def disk(kind: str = "qcow2", more: str = "", source: str = IMAGE) -> bytes:
    return domain(
        f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='{source}'/>{more}"
        "<target dev='vda' bus='virtio'/></disk>"
    )


@pytest.fixture
def host(tmp_path: Path) -> ScratchHost:
    return ScratchHost(tmp_path / "host")


def of_image(host: ScratchHost, xml: bytes) -> list[HostFinding]:
    return found(look(host, xml), "image")


def test_a_sound_image_is_ok(host: ScratchHost) -> None:
    host.write(IMAGE, qcow2(), 0o666)
    assert [(one.outlook, one.place.line) for one in of_image(host, disk())] == [("ok", 8)]


@pytest.mark.parametrize(
    ("spoil", "kind", "outlook", "words"),
    [
        pytest.param(lambda host: None, "qcow2", "wrong", "there is no /images", id="no directory"),
        pytest.param(lambda host: host.directory("/images/vm"), "raw", "wrong", f"there is no {IMAGE}", id="missing"),
        pytest.param(lambda host: host.directory(IMAGE, 0o777), "raw", "wrong", "is a directory", id="directory"),
        pytest.param(lambda host: host.write(IMAGE, qcow2(), 0o644), "qcow2", "wrong", "not write", id="not written"),
        pytest.param(lambda host: host.write(IMAGE, qcow2(), 0o600), "qcow2", "wrong", "may not read", id="not read"),
        pytest.param(
            lambda host: (host.write(IMAGE, qcow2(), 0o666), host.directory("/images", 0o700)),
            "qcow2", "wrong", "may not pass through the directory /images,", id="closed directory",
        ),
        pytest.param(lambda host: host.write(IMAGE, qcow2(), 0o666), "raw", "wrong", "is qcow2, and", id="not raw"),
        pytest.param(lambda host: host.write(IMAGE, b"x" * 4096, 0o666), "qcow2", "wrong", "is raw, and", id="raw"),
        pytest.param(lambda host: host.write(IMAGE, b"", 0o666), "qcow2", "wrong", "is empty", id="empty"),
        pytest.param(lambda host: host.write(IMAGE, b"KDMV" * 99, 0o666), "qcow2", "wrong", "is vmdk", id="vmdk"),
        pytest.param(
            lambda host: host.write(IMAGE, qcow2(features=2), 0o666), "qcow2", "wrong", "marked as corr", id="corrupt"
        ),
        pytest.param(
            lambda host: host.write(IMAGE, qcow2()[:65536], 0o666), "qcow2", "wrong", "it is cut off", id="cut off"
        ),
        pytest.param(
            lambda host: host.write(IMAGE, qcow2("base", ""), 0o666), "qcow2", "wrong", "/images/vm/base", id="no base"
        ),
        pytest.param(
            lambda host: (host.write(IMAGE, qcow2("base", ""), 0o666), host.write("/images/vm/base", b"y" * 512)),
            "qcow2", "wrong", "does not say of which format", id="no format of the base",
        ),
        pytest.param(
            lambda host: (host.write(IMAGE, qcow2("base"), 0o666), host.write("/images/vm/base", qcow2())),
            "qcow2", "wrong", "is qcow2, and the image above says raw", id="other format of the base",
        ),
        pytest.param(
            lambda host: (
                host.write(IMAGE, qcow2("../vm/base", "qcow2"), 0o666),
                host.write("/images/vm/base", qcow2("disk", "qcow2")),
            ),
            "qcow2", "wrong", "stands behind itself", id="loop",
        ),
        pytest.param(
            lambda host: host.write(IMAGE, qcow2("nbd://far/x"), 0o666), "qcow2", "unknown", "nbd://far/x", id="far"
        ),
        pytest.param(
            lambda host: host.write(IMAGE, qcow2("json:{}"), 0o666), "qcow2", "unknown", "json:", id="json"
        ),
        pytest.param(
            lambda host: host.write(IMAGE, qcow2(data="data"), 0o666), "qcow2", "wrong", "/images/vm/data", id="no data"
        ),
        pytest.param(lambda host: host.link(IMAGE, "disk"), "qcow2", "wrong", "link without an end", id="link loop"),
    ],
)  # fmt: skip
def test_each_fault_is_told(host: ScratchHost, spoil: Spoil, kind: str, outlook: str, words: str) -> None:
    host.directory("/images/vm") if kind == "raw" else None
    spoil(host)
    told = [one for one in of_image(host, disk(kind)) if one.outlook != "ok"]
    assert len(told) == 1, told
    assert (told[0].outlook, words in told[0].what) == (outlook, True), told[0].what
    assert told[0].why
    assert outlook == "unknown" or told[0].todo


def test_a_whole_chain_is_followed(host: ScratchHost) -> None:
    host.write(IMAGE, qcow2("/images/second", "qcow2"), 0o666)
    host.link("/images/second", "../others/second")
    host.write("/others/second", qcow2("third", "raw"))
    host.write("/images/third", b"z" * 512)
    told = of_image(host, disk())
    assert [one.what.split()[0] for one in told] == [IMAGE, "/images/second", "/images/third"]
    assert {one.outlook for one in told} == {"ok"}


def test_a_chain_has_an_end(host: ScratchHost) -> None:
    for number in range(250):
        host.write(f"/images/vm/{number}", qcow2(str(number + 1), "qcow2"))
    host.write(IMAGE, qcow2("0", "qcow2"), 0o666)
    assert [one.outlook for one in of_image(host, disk()) if one.outlook != "ok"] == ["unknown"]


def test_the_chain_of_the_xml_is_not_followed_twice(host: ScratchHost) -> None:
    backing = "<backingStore type='file'><format type='raw'/><source file='/b'/><backingStore/></backingStore>"
    host.write(IMAGE, qcow2("gone", "raw"), 0o666)
    host.write("/b", b"b" * 512)
    assert {one.outlook for one in of_image(host, disk(more=backing))} == {"ok"}
    ended = of_image(host, disk(more="<backingStore/>"))
    assert [one.what for one in ended if "the XML says that nothing is" in one.what]


def test_an_image_that_another_has_is_told(host: ScratchHost) -> None:
    path = host.write(IMAGE, qcow2(), 0o666)
    # The lock of a QEMU that writes and lets nobody else (byte 201), in an open file description of its own.
    with path.open("r+b") as other:
        fcntl.fcntl(other, 37, struct.pack("hh4xqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 201, 1, 0))
        (told,) = of_image(host, disk())
        assert (told.outlook, "locked" in told.what) == ("wrong", True)
    assert [one.outlook for one in of_image(host, disk())] == ["ok"]


def test_what_may_not_be_written_is_looked_into_all_the_same(host: ScratchHost) -> None:
    host.write(IMAGE, b"no header" * 99, 0o644)
    told = of_image(host, disk())
    assert ["not write" in told[0].what, "is raw, and the XML says qcow2" in told[1].what] == [True, True]


def test_an_acl_is_not_guessed_of(host: ScratchHost) -> None:
    path = host.write(IMAGE, qcow2(), 0o600)
    entries = [(1, 6, 0xFFFFFFFF), (2, 6, 12345), (4, 0, 0xFFFFFFFF), (16, 6, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", acl)
    (told,) = of_image(host, disk())
    assert (told.outlook, "ACL" in told.what) == ("unknown", True)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "raw"), (b"QFI\xfb", "qcow2"), (b"QFI\xfb\0\0\0\x01", "qcow"), (b"QED\0", "qed"), (b"COWD", "vmdk"),
        (b"vhdxfile", "vhdx"), (b"conectix", "vpc"), (b"WithoutFreeSpace", "parallels"), (b"LUKS\xba\xbe", "luks"),
        (b"\0" * 64 + b"\x7f\x10\xda\xbe", "vdi"), (b"# Disk DescriptorFile\n", "vmdk"),
        (b"\0" * 1024 + b"conectix".ljust(512, b"\0"), "vpc"), (b"QFI\xfb" + b"\xff" * 65536, "qcow2"),
        (qcow2("x" * 1024), "qcow2"),
    ],
)  # fmt: skip
def test_headers_of_any_form_are_read(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    with path.open("rb") as stream:
        header = read_image_header(stream.fileno(), len(content))
    assert header.format == kind
    assert header.backing is None
