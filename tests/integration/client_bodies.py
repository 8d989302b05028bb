"""Bodies that are hard to read: domains and command lines of any size, each as a text that a client sends."""

from __future__ import annotations

import json

KIB = 1024
#: The largest body that is taken, and one that is just below what the service calls small.
LARGEST, SMALL = 1024 * KIB, 64 * KIB - 600

_HEAD = (
    "<domain type='qemu'><name>a</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os>"
)
_BINARY = "/usr/bin/qemu-system-x86_64"


def domain(inner: str) -> bytes:
    """A domain with this in it."""
    return f"{_HEAD}{inner}</domain>".encode()


def filled(piece: str, size: int, around: tuple[str, str] = ("<devices>", "</devices>")) -> bytes:
    """A domain of so many bytes, of the same pieces; ``{n}`` in them is a number that no other has."""
    pieces, length, number = list[str](), len(_HEAD) + len(around[0]) + len(around[1]) + 10, 0
    while True:
        made = piece.replace("{n}", str(number))
        length += len(made)
        if length > size:
            return domain(around[0] + "".join(pieces) + around[1])
        pieces.append(made)
        number += 1


def unknown_attributes(number: int) -> bytes:
    """An element with attributes that nobody knows."""
    return domain("<devices " + " ".join(f"a{n}='1'" for n in range(number)) + "/>")


def deep(size: int) -> bytes:
    """Elements within elements."""
    depth = size // 7
    return domain("<a>" * depth + "</a>" * depth)


def laughs() -> bytes:
    """Entities of entities."""
    entities = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 10}'>" for n in range(9))
    return f"<!DOCTYPE domain [<!ENTITY e0 'ha'>{entities}]><domain>&e9;</domain>".encode()


def words(*more: str) -> bytes:
    """A command line as JSON."""
    return json.dumps([_BINARY, *more]).encode()


def options(flag: str, value: str, number: int) -> bytes:
    """The same option again and again; ``{n}`` in its value is a number."""
    return words(*(word for n in range(number) for word in (flag, value.replace("{n}", str(n)))))


def shell(text: str) -> bytes:
    """A command line for a shell."""
    return f"{_BINARY} {text}".encode()
