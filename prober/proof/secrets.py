"""What a line says that nobody else shall read: it is never told, stored or logged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.proof.given import Given
from prober.proof.members import Members, PairMembers

#: The members that hold a secret itself, and not the id of an object that does (QEMU, ``qapi/crypto.json``,
#: ``ui/spice-core.c``, ``block/curl.c``, ``hw/misc/applesmc.c``).
_SECRET = frozenset(("data", "password", "osk", "proxy-password", "cookie", "password-data", "initiator-secret"))

#: Objects of which only these types have a ``data`` that is a secret.
_TYPES_WITH_DATA = ("secret", "secret_keyring")

#: Shorter ones are parts of other words.
_LEAST = 3

_HIDDEN = "…"


def secrets_of(line: Iterable[Given]) -> frozenset[str]:
    """All secrets that a line holds."""
    return frozenset(text for given in line for text in _in_option(given) if len(text) >= _LEAST)


def _in_option(given: Given) -> Iterator[str]:
    if given.flag in ("-global", "-set"):
        # DRIVER.PROPERTY=VALUE and GROUP.ID.KEY=VALUE; what -set changes may be an object's.
        key, _, value = (given.value or "").partition("=")
        if key.rpartition(".")[2] in _SECRET:
            yield value
        elif key == "driver":
            yield from _in_long_global(PairMembers.of(given.value or "", ""))
    if given.members is None:
        return
    for members in given.members.walk():
        yield from _in_members(given, members)


def _in_long_global(members: Members) -> Iterator[str]:
    """``driver=…,property=…,value=…``."""
    if members.text("property") in _SECRET:
        yield members.text("value")


def _in_members(given: Given, members: Members) -> Iterator[str]:
    for name in members.names():
        if name not in _SECRET or (name == "data" and given.type not in _TYPES_WITH_DATA):
            continue
        value = members.get(name)
        if isinstance(value, str):
            yield value


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets in it."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text
