"""Images: what is in them, and how large they are.  Whether QEMU opens them is for QEMU to say (tests/integration)."""

from __future__ import annotations

import hashlib
import struct

import pytest

from prober.proof.images import GIB, MIB, MOST_FILE, STAND_IN_SECRET, StandInImage, lay_out
from prober.proof.vhdx import vhdx

FORMATS = {
    "qcow2": b"QFI\xfb\0\0\0\3",
    "qcow": b"QFI\xfb\0\0\0\1",
    "qed": b"QED\0",
    "luks": b"LUKS\xba\xbe",
    "vmdk": b"KDMV",
    "vdi": b"<<< QEMU VM",
    "vpc": b"conectix",
    "vhdx": b"vhdxfile",
    "parallels": b"WithouFreSpacExt",
    "bochs": b"Bochs Virtual HD Image",
    "cloop": b"#!/bin/sh\n#V2.0 Format\n",
    "dmg": b"<plist>",
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_is_of_its_format_and_small(name: str) -> None:
    laid = lay_out(StandInImage(name))
    assert laid is not None
    assert laid.content.startswith(FORMATS[name])
    assert len(laid.content.replace(bytes(4096), b"")) < 64 * 1024
    assert laid.size >= len(laid.content)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [512, 1_474_560, 64 * GIB, GIB + 512])
def test_any_size_of_a_disk_will_do(name: str, size: int) -> None:
    assert lay_out(StandInImage(name, size)) is not None


def test_an_image_begins_where_it_is_asked_to() -> None:
    laid = lay_out(StandInImage("qcow2", at=12_345, least=10 * MIB))
    assert laid is not None
    assert (laid.at, laid.size) == (12_345, 10 * MIB)
    assert lay_out(StandInImage("raw", 100, at=50)) == (b"", 0, 150)
    assert lay_out(StandInImage("raw", 100, least=500)) == (b"", 0, 500)


@pytest.mark.parametrize(
    "image",
    [
        StandInImage("qcow2 inside luks"),
        StandInImage("nope"),
        StandInImage("qcow2", 0),
        StandInImage("raw", MOST_FILE + 1),
        StandInImage("vdi", MOST_FILE * 4),
    ],
)
def test_what_cannot_be_made_is_none(image: StandInImage) -> None:
    assert lay_out(image) is None


def test_qcow2_says_what_it_needs() -> None:
    plain, data, luks, aes = (
        lay_out(StandInImage("qcow2", has_data_file=has_data_file, encryption=encryption))
        for has_data_file, encryption in ((False, ""), (True, ""), (False, "luks"), (False, "aes"))
    )
    assert plain and data and luks and aes
    crypt = [struct.unpack(">I", laid.content[32:36])[0] for laid in (plain, data, luks, aes)]
    features = [struct.unpack(">Q", laid.content[72:80])[0] for laid in (plain, data, luks, aes)]
    assert (crypt, features) == ([0, 0, 2, 1], [0, 4, 0, 0])
    extension, length, place, _ = struct.unpack(">IIQQ", luks.content[104:128])
    assert (extension, length) == (0x0537BE77, 16)
    assert luks.content[place : place + 6] == b"LUKS\xba\xbe"


def test_the_master_key_comes_of_the_passphrase() -> None:
    laid = lay_out(StandInImage("luks"))
    assert laid is not None
    digest, salt, iterations = struct.unpack(">20s32sI", laid.content[112:168])
    _, slot_iterations, slot_salt, _, stripes = struct.unpack(">II32sII", laid.content[208:256])
    key = hashlib.pbkdf2_hmac("sha256", STAND_IN_SECRET.encode(), slot_salt, slot_iterations, 16)
    # AES-128 of sixteen zeros, decrypted with this key (`openssl enc -d -aes-128-ecb -nopad`), which Python has not.
    assert key.hex() == "3021748bc01f89d7d144c873a45b59bb"
    zero = bytes.fromhex("731baad00e3c2cda920c33959139ce37")
    material = b""
    for sector in range(stripes * 16 // 512):
        vector = struct.pack("<QQ", sector, 0)
        material += bytes(one ^ other for one, other in zip(zero, vector, strict=True)) + zero * 31
    merged = bytes(16)
    for stripe in range(stripes):
        if stripe:
            merged = hashlib.sha256(struct.pack(">I", 0) + merged).digest()[:16]
        merged = bytes(one ^ other for one, other in zip(merged, material[stripe * 16 :][:16], strict=True))
    assert digest == hashlib.pbkdf2_hmac("sha256", merged, salt, iterations, 20)


def test_vhdx_has_checksums_of_castagnoli() -> None:
    # RFC 3720, B.4: 32 bytes of zeros come to aa36918a; here, the header's own, over itself with zeros in its place.
    content, _ = vhdx(GIB)
    header = content[65536 : 65536 + 4096]
    told = struct.unpack("<I", header[4:8])[0]
    crc = 0xFFFFFFFF
    for byte in header[:4] + bytes(4) + header[8:]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert told == crc ^ 0xFFFFFFFF


def test_an_image_is_told_in_words() -> None:
    assert [str(StandInImage("raw", size)) for size in (GIB, 2 * MIB, 1_474_560, 321)] == [
        "raw, 1 GiB", "raw, 2 MiB", "raw, 1440 KiB", "raw, 321 bytes",
    ]  # fmt: skip
