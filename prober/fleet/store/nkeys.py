"""NKeys, with which NATS knows its users: Ed25519 keys in base32; and the files that hold them.

The form is that of NATS' own tools (``nk``, ``nsc``): two bytes of prefix, the key, two bytes of CRC-16/XMODEM.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey

from prober.errors import StoreError
from prober.fleet.private import why_not_private

#: Prefixes: a seed, and whose public key it is.
_SEED, _USER = 18 << 3, 20 << 3

#: The most bytes that a file of credentials may have.
_MOST_BYTES = 64 * 1024

_JWT = re.compile(r"-+BEGIN NATS USER JWT-+\s+([\w.=-]+)\s+-+END NATS USER JWT-+")
_KEY = re.compile(r"-+BEGIN USER NKEY SEED-+\s+(\w+)\s+-+END USER NKEY SEED-+")
_ALONE = re.compile(r"\s*(SU[A-Z2-7]{56})\s*")


@dataclass(frozen=True)
class Credentials:
    """Who one is to a server: a key, and with it a JWT where the server knows users by these."""

    signing: SigningKey = field(repr=False)
    jwt: bytes | None = field(default=None, repr=False)

    @property
    def public_key(self) -> str:
        """The user's public key, as a server's configuration has it (``U…``)."""
        return _encoded(bytes([_USER]) + bytes(self.signing.verify_key))

    def sign(self, nonce: str) -> bytes:
        """What proves to a server that one has the key: its nonce, signed, in base64."""
        return base64.b64encode(self.signing.sign(nonce.encode()).signature)


def make_seed() -> str:
    """The seed of a new user (``SU…``), for a file that only its user may read."""
    head = bytes([_SEED | _USER >> 5, (_USER & 31) << 3])
    return _encoded(head + os.urandom(32))


def from_seed(seed: str) -> SigningKey:
    """The key of a user's seed.

    :raise ValueError: where it is none.
    """
    try:
        data = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error as error:
        raise ValueError("it is no base32") from error
    if len(data) != 36 or binascii.crc_hqx(data[:-2], 0) != int.from_bytes(data[-2:], "little"):
        raise ValueError("it is cut off or mistyped")
    if data[0] & 248 != _SEED or (data[0] & 7) << 5 | data[1] >> 3 != _USER:
        raise ValueError("it is not that of a user")
    return SigningKey(data[2:-2])


def read_credentials(path: Path) -> Credentials:
    """What a file of credentials holds: a seed alone, or a user's JWT and seed (``.creds``, as ``nsc`` writes it).

    :raise StoreError: where it cannot be read, holds neither, or others may read it.
    """
    text = _read_private(path)
    alone, jwt, key = _ALONE.fullmatch(text), _JWT.search(text), _KEY.search(text)
    seed = alone or key
    if seed is None or (alone is None and jwt is None):
        raise StoreError(f"{path} holds no credentials", hint="the seed of an NKey (SU…), or what nsc writes: .creds")
    try:
        signing = from_seed(seed[1])
    except ValueError as error:
        raise StoreError(
            f"the seed in {path} cannot be used: {error}", hint="make a new one, or copy it anew"
        ) from error
    return Credentials(signing, jwt[1].encode() if jwt and not alone else None)


def check_private(path: Path, there: os.stat_result) -> None:
    """:raise StoreError: where this is no file, or others may read or write it."""
    if (why := why_not_private(path, there)) is not None:
        raise StoreError(why.message, hint=why.hint)


def _read_private(path: Path) -> str:
    try:
        # What is opened is looked at, so that nothing can be put in its place; a FIFO shall not hold us.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            check_private(path, os.fstat(descriptor))
            return os.read(descriptor, _MOST_BYTES).decode("ascii", "replace")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror or error}", hint="see its rights and its path"
        ) from error


def _encoded(data: bytes) -> str:
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")
