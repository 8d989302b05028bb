"""Passwords in a domain's XML, which a page that is handed on shall not hold.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from prober.pages.models import DomainCell

T = TypeVar("T")

#: What of libvirt's XML is a password itself, and not the name of a secret: an attribute ``passwd``, as of graphics.
_PASSWORD = re.compile(r"""(?<![\w.-])(passwd\s*=\s*)("[^"]*"|'[^']*')""")
#: What ``<qemu:arg>`` may hand on to QEMU's own secrets (``qapi/crypto.json``, ``SecretProperties``).
_SECRET = re.compile(r"""(?<=[,"'{\s])("?(?:data|password(?:-data)?)"?\s*[=:]\s*)("[^"]+"|[^,"'}\s<]+)""")
#: No tag has ``<`` within: where many begin and none ends, each is looked at as far as the next.
_OF_QEMU = re.compile(r"""<(?:[\w.-]+:)?arg\s[^<>]*value\s*=\s*(?:"[^"]*"|'[^']*')""")

#: What stands in the place of one.
HIDDEN = "…"

#: Takes the same out of an outcome.
Hide: TypeAlias = Callable[[tuple[DomainCell, Any]], tuple[DomainCell, Any]]


def hide_secrets(xml: str) -> tuple[str, Hide]:
    """The XML without passwords, and what takes them out of what is said of it.

    >>> hide_secrets("<graphics type='vnc' passwd='geheim'/>")[0]
    "<graphics type='vnc' passwd='…'/>"
    """
    text, clean = without_passwords(xml)

    def hide(outcome: tuple[DomainCell, Any]) -> tuple[DomainCell, Any]:
        cell, uses = outcome
        return cell._replace(**{name: clean(getattr(cell, name)) for name in ("refusals", "notes", "argv")}), uses

    return text, hide


def without_passwords(xml: str) -> tuple[str, Callable[[T], T]]:
    """The XML without passwords, and what takes them out of all texts of a value that is made of rows and tuples."""
    found: set[str] = set()

    def put(match: re.Match[str]) -> str:
        value = match[2]
        quote = value[0] if value[0] in "\"'" else ""
        found.add(value.strip(quote) if quote else value)
        return f"{match[1]}{quote}{HIDDEN}{quote}"

    text = _PASSWORD.sub(put, xml)
    text = _OF_QEMU.sub(lambda arg: _SECRET.sub(put, arg[0]) if "secret" in arg[0] else arg[0], text)
    secrets = sorted((one for one in found if len(one) > 2), key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret in secrets:
                value = value.replace(secret, HIDDEN)
            return value
        if isinstance(value, tuple):
            parts = [clean(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        return value

    return text, clean
