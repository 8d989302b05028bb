"""``<redirfilter>``: which USB devices of other machines a guest may have."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from prober.commandline.refusal import Unfit
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import YesNo

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|0|[1-9][0-9]{0,8}")
_VERSION = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})")

#: Any class, vendor, product or version.
_ANY = -1


def _number(most: int) -> Any:
    def convert(value: Any) -> Any:
        text = str(value)
        if text == "-1":
            return _ANY
        if not _NUMBER.fullmatch(text):
            raise Unfit("is neither a number like 0x08, nor -1 for any")
        number = int(text, 0)
        if number > most:
            raise Unfit(f"is more than {most:#x}")
        return number

    return BeforeValidator(convert)


def _version(value: Any) -> Any:
    """``1.09`` is 0x0109 and ``9.4`` is 0x0940, as USB writes versions (``virDomainRedirFilterUSBVersionHelper``)."""
    text = str(value)
    if text == "-1":
        return _ANY
    match = _VERSION.fullmatch(text)
    if match is None:
        raise Unfit("is neither a version of USB like 2.0 or 1.10, nor -1 for any")
    major, minor = match.groups()
    return int(f"{major}{minor.ljust(2, '0')}", 16)


UsbClass: TypeAlias = Annotated[int, _number(0xFF)]
UsbId: TypeAlias = Annotated[int, _number(0xFFFF)]
UsbVersion: TypeAlias = Annotated[int, BeforeValidator(_version)]


class UsbFilter(Element):
    """One rule; what it does not name, it says of all.  ``class`` is a code of USB's."""

    usb_class: Annotated[UsbClass, At("@class"), Becomes("`filter`")] = _ANY
    vendor: Annotated[UsbId, At("@vendor"), Becomes("`filter`")] = _ANY
    product: Annotated[UsbId, At("@product"), Becomes("`filter`")] = _ANY
    version: Annotated[UsbVersion, At("@version"), Becomes("`filter`")] = _ANY
    allow: Annotated[YesNo, At("@allow"), Becomes("`filter`")]

    @property
    def text(self) -> str:
        """As usbredir writes it (``usbredirfilter.h``)."""
        words = [_hexadecimal(self.usb_class, 2)]
        words += [_hexadecimal(number, 4) for number in (self.vendor, self.product, self.version)]
        return ":".join([*words, str(int(self.allow))])


class Redirfilter(Element):
    """All rules; the first that fits a device decides."""

    rules_: Annotated[tuple[UsbFilter, ...], At("usbdev"), Becomes("`filter` of each `usb-redir`")] = ()

    @property
    def text(self) -> str:
        """All rules as usbredir writes them, or empty."""
        return "|".join(rule.text for rule in self.rules_)


def _hexadecimal(number: int, digits: int) -> str:
    return "-1" if number == _ANY else f"0x{number:0{digits}X}"
