"""A guest's state as a file: its domain, what it sees of its machine, and what QEMU sent.

    magic, 16 bytes │ sizes of head and state, 4 bytes each │ SHA-256 of all that follows │ head (zstd) │ state (zstd)

A file is hostile until it is read.  Its sizes are looked at before anything is, its checksum before anything is
inflated, and what is inflated is counted meanwhile.  The checksum is no seal: it finds damage, and not a forger.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import zstandard
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from prober.capabilities.models import Version
from prober.domain.domain import Domain
from prober.errors import StateFileError, UnreadableDomainError
from prober.rehearsal.kernels import UNTOLD, KernelOffers
from prober.rehearsal.view import GuestView, SeenDevice
from prober.translate.read import read_domain
from prober.xml.document import XmlLimits

#: What a file begins with: the form, and its version.
MAGIC: Final = b"prober-state 1\n\0"
_SIZES = struct.Struct(">II")
_DIGEST = hashlib.sha256
_HEAD_AT = len(MAGIC) + _SIZES.size + 32

#: The most bytes of a file, and of its parts when they are inflated.
MOST_FILE, MOST_STATE, MOST_HEAD = 8 << 20, 64 << 20, 4 << 20

#: How hard zstd tries: a state of 20 MB takes 60 ms.
_LEVEL = 3


class _Device(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    ident: str
    path: str
    place: str
    pci: str
    properties: dict[str, JsonValue]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    part: str
    value: JsonValue


class StateHead(BaseModel):
    """What a file says of the guest: ``xml`` is its domain without secrets, ``machine`` the type that it runs,
    ``argv`` the line that it was started with, ``version`` the QEMU that it ran on.  ``without_memory`` is whether its
    memory, of which nothing was ever touched, was left out.  ``offers`` is what the host told of its kernel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    xml: str
    machine: str
    version: Version
    argv: tuple[str, ...] = ()
    without_memory: bool = False
    offers: KernelOffers = UNTOLD
    devices: tuple[_Device, ...] = ()
    values: tuple[_Value, ...] = ()

    def view(self) -> GuestView:
        """What its guest saw."""
        devices = tuple(SeenDevice(**dict(one)) for one in self.devices)
        return GuestView(devices, {(one.where, one.part): one.value for one in self.values})


@dataclass(frozen=True)
class StateFile:
    """What a file holds."""

    head: StateHead
    state: bytes


def head_of(xml: str, machine: str, version: Version, argv: tuple[str, ...], view: GuestView) -> StateHead:
    """The head for a guest whose machine was read."""
    devices = tuple(
        _Device(
            kind=one.kind, ident=one.ident, path=one.path, place=one.place, pci=one.pci, properties={**one.properties}
        )
        for one in view.devices
    )
    values: Mapping[tuple[str, str], JsonValue] = view.values
    listed = tuple(_Value(where=where, part=part, value=value) for (where, part), value in values.items())
    return StateHead(xml=xml, machine=machine, version=version, argv=argv, devices=devices, values=listed)


def write_state(file: StateFile) -> bytes:
    """The bytes of a file.

    :raise StateFileError: where they would be more than a file may have.
    """
    packer = zstandard.ZstdCompressor(level=_LEVEL)
    head = packer.compress(file.head.model_dump_json().encode())
    state = packer.compress(file.state)
    body = head + state
    whole = MAGIC + _SIZES.pack(len(head), len(state)) + _DIGEST(body).digest() + body
    if len(whole) > MOST_FILE:
        raise StateFileError(f"the guest's state has {len(whole)} bytes, compressed, and a file at most {MOST_FILE}")
    return whole


class StateParts(NamedTuple):
    """What a file consists of, compressed."""

    head: bytes
    state: bytes


def open_state(data: bytes) -> StateParts:
    """The parts of a file whose sizes and checksum are right; nothing is inflated.

    :raise StateFileError: where it is no such file, of another version, cut, damaged, or too large.
    """
    if len(data) > MOST_FILE:
        raise StateFileError(f"a state file has at most {MOST_FILE} bytes")
    if data[: len(MAGIC)] != MAGIC:
        of_another = data.startswith(b"prober-state ")
        raise StateFileError(
            "it is a state file of another version" if of_another else "it is no state file",
            hint="`prober state save` makes one",
        )
    if len(data) < _HEAD_AT:
        raise StateFileError("the state file is cut short")
    head, state = _SIZES.unpack_from(data, len(MAGIC))
    body = data[_HEAD_AT:]
    if len(body) != head + state:
        raise StateFileError(f"the state file has {len(body)} bytes of content, and says that they are {head + state}")
    if _DIGEST(body).digest() != data[_HEAD_AT - 32 : _HEAD_AT]:
        raise StateFileError("the state file is damaged: its checksum is another")
    return StateParts(body[:head], body[head:])


def read_state_head(head: bytes) -> StateHead:
    """What the head of a file says, which is compressed.

    :raise StateFileError: where it cannot be inflated, has too many bytes then, or is not understood.
    """
    try:
        return StateHead.model_validate_json(_inflate(head, MOST_HEAD))
    except (ValidationError, RecursionError) as error:
        raise StateFileError("the head of the state file is not understood") from error


def read_kept_domain(head: StateHead, limits: XmlLimits | None = None) -> Domain:
    """The domain that a file holds, as it was kept.

    :raise StateFileError: where it is no XML that is read: nothing that was kept by ``prober state save`` is such.
    :raise RefusedError: with all refusals of the domain.
    """
    try:
        return read_domain(head.xml.encode(), limits)
    except UnreadableDomainError as error:
        raise StateFileError(f"the domain in the state file cannot be read: {error}") from error


def read_state(data: bytes) -> StateFile:
    """What these bytes hold.

    :raise StateFileError: where they are no such file, of another version, cut, damaged, or too large.
    """
    parts = open_state(data)
    return StateFile(read_state_head(parts.head), _inflate(parts.state, MOST_STATE))


def _inflate(data: bytes, most: int) -> bytes:
    """All of one frame, counted meanwhile.

    :raise StateFileError: where it is none, or has more than so many bytes.
    """
    inflated = bytearray()
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_size=1 << 16)
        while chunk := reader.read(1 << 18):
            inflated += chunk
            if len(inflated) > most:
                raise StateFileError(f"a part of the state file has more than {most} bytes when it is inflated")
    except zstandard.ZstdError as error:
        raise StateFileError(f"the state file cannot be inflated: {error}") from error
    return bytes(inflated)
