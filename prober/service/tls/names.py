"""The names in a certificate, and which of them may ask.

The names are the ``subjectAltName`` of the kinds DNS and URI; the subject's common name counts where a certificate has
neither, and has but one (RFC 6125, 6.4.4).  A certificate that the same authority gave to a host has the host's name,
which is on no list of those who ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

#: A certificate as ``ssl`` tells of it (``getpeercert``).
Certificate = Mapping[str, Any]

_COMMON_NAME = "commonName"


class CertificateName(NamedTuple):
    """One name of a certificate; ``kind`` is ``DNS``, ``URI`` or ``CN``."""

    kind: str
    value: str


def names_of(certificate: Certificate) -> list[CertificateName]:
    """The names that count, in their order.

    >>> names_of({"subject": ((("commonName", "console"),),)})
    [CertificateName(kind='CN', value='console')]
    """
    told = certificate.get("subjectAltName", ())
    if alternative := [CertificateName(kind, value) for kind, value in told if kind in ("DNS", "URI")]:
        return alternative
    subject = certificate.get("subject", ())
    common = [value for part in subject for kind, value in part if kind == _COMMON_NAME]
    return [CertificateName("CN", common[0])] if len(common) == 1 else []


class AllowList:
    """Those who may ask.  Names of the kind DNS are the same in capital letters."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._lower = {name.lower(): name for name in self._names}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def find(self, names: Iterable[CertificateName]) -> str | None:
        """The first of these names that may ask, as the list has it; None where none of them may."""
        for kind, value in names:
            if kind == "DNS" and value.lower() in self._lower:
                return self._lower[value.lower()]
            if value in self._names:
                return value
        return None
