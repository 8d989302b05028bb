"""Which properties of devices a guest would see change, and what to write so that it does not.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

from prober.domain.domain import Domain
from prober.domain.qemu_namespace import QemuDevice, QemuFrontend, QemuOverride, QemuProperty
from prober.rehearsal.models import GuestChange
from prober.rehearsal.view import ident_in

#: What libvirt calls QEMU's own elements by.
_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"

#: The longest text that is written as a value.
_MOST_TEXT = 200


@dataclass(frozen=True)
class KeptProperty:
    """A property that a device is to have as it has it now, and the change that it undoes."""

    alias: str
    name: str
    value: bool | int | str
    change: GuestChange

    @property
    def type(self) -> Literal["bool", "signed", "unsigned", "string"]:
        """The JSON type of the value, as libvirt calls it."""
        match self.value:
            case bool():
                return "bool"
            case int():
                return "signed" if self.value < 0 else "unsigned"
            case _:
                return "string"

    @property
    def text(self) -> str:
        """The value as XML has it."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def path(self) -> str:
        """Where it is written."""
        device = f"/domain/qemu:override/qemu:device[@alias={_quoted(self.alias)}]"
        return f"{device}/qemu:frontend/qemu:property[@name={_quoted(self.name)}]/@value"

    @property
    def xml(self) -> str:
        """What is written."""
        names = f"name={_quoted(self.name)} type={_quoted(self.type)} value={_quoted(self.text)}"
        device = f"<qemu:device alias={_quoted(self.alias)}><qemu:frontend><qemu:property {names}/>"
        override = f"<qemu:override xmlns:qemu={_quoted(_NAMESPACE)}>"
        return f"{override}{device}</qemu:frontend></qemu:device></qemu:override>"


def kept_properties(changes: Iterable[GuestChange], aliases: Iterable[str]) -> Iterator[KeptProperty]:
    """What is to be written for each change of a property of a device that the XML may name, by one of ``aliases``.

    A device that is there on one side alone, or a value that is no single one, is nothing that a property mends.
    """
    known, done = {*aliases}, set()
    for change in changes:
        alias, value = ident_in(change.where), change.here
        if alias not in known or not change.part or change.there is None or (alias, change.part) in done:
            continue
        if isinstance(value, (bool, int)) or (isinstance(value, str) and len(value) <= _MOST_TEXT):
            done.add((alias, change.part))
            yield KeptProperty(alias, change.part, value, change)


def with_properties(domain: Domain, kept: Sequence[KeptProperty]) -> Domain:
    """The same domain, with these properties written behind those that it overrides itself."""
    own = domain.qemu_override.devices if domain.qemu_override is not None else ()
    more = [
        QemuDevice(
            alias=one.alias,
            frontend=QemuFrontend(properties_=(QemuProperty(name=one.name, type=one.type, value=one.text),)),
        )
        for one in kept
    ]
    return domain.replace(qemu_override=QemuOverride(devices=(*own, *more)))


def _quoted(text: str) -> str:
    """As the value of an attribute."""
    return f"'{escape(text, {chr(39): '&apos;'})}'"
