"""What a guest would see change of devices and of its CPU, and what to write so that it does not.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from prober.domain.cpu.model import Feature
from prober.domain.domain import Domain
from prober.domain.qemu_namespace import QemuDevice, QemuFrontend, QemuOverride, QemuProperty
from prober.rehearsal.features import features_apart
from prober.rehearsal.models import GuestChange
from prober.rehearsal.view import ident_in
from prober.rehearsal.wording import describe_change
from prober.xml.written import xml_text

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
    def why(self) -> str:
        """What it is for."""
        return describe_change(self.change)

    def is_seen(self, changes: Iterable[GuestChange]) -> bool:
        """Whether a guest sees it change all the same."""
        return any((one.where, one.part) == (self.change.where, self.change.part) for one in changes)

    def write(self, domain: Domain) -> Domain:
        """The same domain, with it written behind what that overrides itself."""
        own = domain.qemu_override.devices if domain.qemu_override is not None else ()
        frontend = QemuFrontend(properties_=(QemuProperty(name=self.name, type=self.type, value=self.text),))
        return domain.replace(
            qemu_override=QemuOverride(devices=(*own, QemuDevice(alias=self.alias, frontend=frontend)))
        )

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


@dataclass(frozen=True)
class KeptFeature:
    """A feature of the CPU that the guest has not, and would see."""

    name: str
    text = "disable"

    @property
    def why(self) -> str:
        """What it is for."""
        return f"the guest would see a feature of its CPU that it has not now: {self.name}"

    @property
    def path(self) -> str:
        """Where it is written."""
        return f"/domain/cpu/feature[@name={_quoted(self.name)}]/@policy"

    @property
    def xml(self) -> str:
        """What is written."""
        return f"<feature policy={_quoted(self.text)} name={_quoted(self.name)}/>"

    def is_seen(self, changes: Iterable[GuestChange]) -> bool:
        """Whether a guest sees it all the same."""
        return self.name in new_features(changes)

    def write(self, domain: Domain) -> Domain:
        """The same domain, whose CPU has it not."""
        if domain.cpu is None:
            return domain
        features = (*domain.cpu.features, Feature(name=self.name, policy="disable"))
        return domain.replace(cpu=domain.cpu.replace(features=features))


#: What is written so that a guest does not see something change.
Kept: TypeAlias = KeptProperty | KeptFeature


def kept_features(changes: Iterable[GuestChange], domain: Domain) -> Iterator[KeptFeature]:
    """What is to be written for each feature of the CPU that a guest would see, where the XML may have such."""
    cpu = domain.cpu
    if cpu is not None and (cpu.name or cpu.mode != "custom"):
        own = {feature.name for feature in cpu.features}
        yield from (KeptFeature(name) for name in new_features(changes) if name not in own)


def new_features(changes: Iterable[GuestChange]) -> list[str]:
    """The features that the other side's CPU has and this one's has not."""
    return [name for change in changes for name in features_apart(change)[1]]


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


def with_kept(domain: Domain, kept: Sequence[Kept]) -> Domain:
    """The same domain, with all of these written."""
    for one in kept:
        domain = one.write(domain)
    return domain


def _quoted(text: str) -> str:
    """As the value of an attribute."""
    return f"'{xml_text(text)}'"
