"""AES-256 in CBC mode, to play the host that encrypts secrets for QEMU; slow, and for the suite's few bytes alone."""

from __future__ import annotations

_ROUNDS = 14


def _double(value: int) -> int:
    """Times x in the field of AES (FIPS 197, 4.2.1)."""
    return ((value << 1) ^ 0x11B if value & 0x80 else value << 1) & 0xFF


def _make_box() -> list[int]:
    """The S-box: the inverse in the field, and an affine map (FIPS 197, 5.1.1)."""
    powers, logs, value = [0] * 255, [0] * 256, 1
    for exponent in range(255):
        powers[exponent], logs[value] = value, exponent
        value ^= _double(value)
    box = []
    for number in range(256):
        inverse = powers[-logs[number] % 255] if number else 0
        result = 0x63
        for turn in range(5):
            result ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xFF
        box.append(result)
    return box


_BOX = _make_box()


def _expand(key: bytes) -> list[bytes]:
    """The keys of the rounds (FIPS 197, 5.2)."""
    words = [key[at : at + 4] for at in range(0, 32, 4)]
    constant = 1
    for at in range(8, 4 * (_ROUNDS + 1)):
        word = words[-1]
        if at % 8 == 0:
            word = bytes(_BOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        elif at % 8 == 4:
            word = bytes(_BOX[byte] for byte in word)
        words.append(_xor(words[at - 8], word))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _mix(column: bytes) -> bytes:
    """One column (FIPS 197, 5.1.3)."""
    every = column[0] ^ column[1] ^ column[2] ^ column[3]
    return bytes(column[at] ^ every ^ _double(column[at] ^ column[(at + 1) % 4]) for at in range(4))


def _encrypt_block(block: bytes, keys: list[bytes]) -> bytes:
    state = _xor(block, keys[0])
    for number in range(1, _ROUNDS + 1):
        state = bytes(_BOX[byte] for byte in state)
        state = bytes(state[(at + 4 * (at % 4)) % 16] for at in range(16))
        if number < _ROUNDS:
            state = b"".join(_mix(state[at : at + 4]) for at in range(0, 16, 4))
        state = _xor(state, keys[number])
    return state


def encrypt(text: bytes, key: bytes, vector: bytes) -> bytes:
    """The text, padded as PKCS #7 says."""
    keys = _expand(key)
    padding = 16 - len(text) % 16
    text += bytes([padding]) * padding
    last, done = vector, b""
    for at in range(0, len(text), 16):
        last = _encrypt_block(_xor(text[at : at + 16], last), keys)
        done += last
    return done
