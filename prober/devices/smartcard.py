"""``<smartcard>``: a card in the guest's reader: the host's, one made of certificates, or one at some other program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import CcidAddress
from prober.domain.shared.chardev import Character
from prober.domain.shared.chardev.character import CharacterType
from prober.domain.shared.device import Device
from prober.domain.shared.twins import extras
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import AbsolutePath, Line

#: The NSS database that certificates are looked up in (libvirt, ``VIR_DOMAIN_SMARTCARD_DEFAULT_DATABASE``).
_DATABASE: Final = "/etc/pki/nssdb"


class Smartcard(Device):
    """A card; ``mode`` says which."""

    element = "smartcard"
    alias_prefix = "smartcard"
    tag = "mode"

    #: QEMU's device.
    driver: ClassVar[str] = "ccid-card-emulated"

    mode: Annotated[str, At("@mode")]
    address: Annotated[CcidAddress | None, At("address"), Becomes("`bus`")] = None

    def rules(self) -> Iterator[Broken]:
        """A reader has one slot, and only the first reader has a card (``qemuValidateDomainSmartcardDef``)."""
        yield from super().rules()
        if self.address is not None and (self.address.controller, self.address.slot or 0) != (0, 0):
            yield Broken("address", "a smartcard is in slot 0 of reader 0")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``, and what it leads to."""
        yield from self._before(target)
        properties = (*self._own(), Property("id", self.id, self.place()), *self.address_properties(target))
        yield options.DeviceOption(self.driver, properties, self.place())

    def _before(self, target: Target) -> Iterator[options.Option]:
        return iter(())

    def _own(self) -> Iterator[Property]:
        raise NotImplementedError


class HostSmartcard(Smartcard):
    """The card in the host's own reader."""

    tag = ""

    mode: Annotated[Literal["host"], At("@mode"), Becomes("`backend` of `ccid-card-emulated`")] = "host"

    def _own(self) -> Iterator[Property]:
        yield Property("backend", "nss-emulated", self.place("mode"))


class CertificatesSmartcard(Smartcard):
    """A card made of three certificates of the host."""

    tag = ""

    mode: Annotated[Literal["host-certificates"], At("@mode"), Becomes("`backend` of `ccid-card-emulated`")] = (
        "host-certificates"
    )
    certificates: Annotated[tuple[Line, ...], At("certificate"), Becomes("`cert1`, `cert2` and `cert3`")] = ()
    database: Annotated[AbsolutePath | None, At("database"), Becomes("`db`")] = None

    def rules(self) -> Iterator[Broken]:
        """Three of them."""
        yield from super().rules()
        if len(self.certificates) != 3:
            yield Broken(
                "certificates", f"mode='host-certificates' needs three <certificate>, not {len(self.certificates)}"
            )

    def _own(self) -> Iterator[Property]:
        yield Property("backend", "certificates", self.place("mode"))
        for number, name in enumerate(self.certificates, start=1):
            yield Property(f"cert{number}", name, self.place("certificates"))
        yield Property("db", self.database or _DATABASE, self.place("database"))


class PassthroughSmartcard(Character, Smartcard):
    """A card that some other program has, at the end of a character device."""

    tag = ""
    spice_use = "smartcard"
    driver = "ccid-card-passthru"

    mode: Annotated[Literal["passthrough"], At("@mode"), Becomes("`ccid-card-passthru`")] = "passthrough"
    type: Annotated[CharacterType, At("@type"), Becomes("the backend of `-chardev`")]

    def _before(self, target: Target) -> Iterator[options.Option]:
        return self.emit_chardev(self.id, target)

    def _own(self) -> Iterator[Property]:
        yield Property("chardev", f"char{self.id}", self.place())


Smartcard.choices = {
    "host": HostSmartcard,
    "host-certificates": CertificatesSmartcard,
    "passthrough": PassthroughSmartcard,
}


def place_smartcards(domain: Domain) -> Completion:
    """The card into the first reader; a second card is refused."""
    cards = domain.devices.of(Smartcard)
    for first, extra in extras(cards):
        message = f"a domain has one <smartcard>, the first is in line {first.place().line}"
        yield Refusal(place=extra.place(), message=message)
    return domain.with_all(Smartcard, (*map(_placed, cards[:1]), *cards[1:]))


def _placed(card: Smartcard) -> Smartcard:
    return card if card.address is not None else card.replace(address=CcidAddress(slot=0))
