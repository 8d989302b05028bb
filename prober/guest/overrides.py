"""``<qemu:override>`` and ``-set``: properties of devices, whatever translating made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from prober.capabilities.capabilities import Capabilities
from prober.commandline.aliases import DEVICE_ALIASES
from prober.commandline.options import DeviceOption, Option, Plain, Property, Raw, Value
from prober.commandline.refusal import Note, Origin, Refusal
from prober.commandline.rules.settings import SETTING
from prober.commandline.text import Text, as_number, as_size, as_switch
from prober.commandline.types import misfit_of
from prober.domain.domain import Domain
from prober.domain.qemu_namespace import QemuOverride, QemuProperty
from prober.host.target import Target


def override(options: list[Option | Raw], wish: QemuOverride | None) -> list[Option | Raw]:
    """The options, those of devices as ``<qemu:override>`` changes them: what it sets comes last, as in libvirt."""
    if wish is None:
        return options
    changes: dict[str, list[QemuProperty]] = {}
    for device in wish.devices:
        if device.frontend is not None:
            changes.setdefault(device.alias, []).extend(device.frontend.properties_)
    return [_overridden(option, changes) for option in options]


def _overridden(option: Option | Raw, changes: Mapping[str, list[QemuProperty]]) -> Option | Raw:
    wanted = changes.get(_id(option))
    return _changed(option, wanted) if wanted and isinstance(option, DeviceOption) else option


def settle_settings(options: list[Option | Raw], caps: Capabilities) -> list[Option | Raw]:
    """The options, with what ``-set`` of ``<qemu:commandline>`` changes in the devices themselves.

    QEMU's ``-set`` does not reach devices that are written in JSON (``util/qemu-config.c``, ``qemu_set_option``: they
    are in no list of options), and of one that is written as key=value it would overrule what stands there.
    """
    settings = [(at, match) for at, option in enumerate(options) if (match := _setting(option)) is not None]
    if not settings:
        return options
    places = {ident: at for at, option in enumerate(options) if (ident := _id(option))}
    settled, done = [*options], set()
    for at, match in settings:
        _, ident, key, value = match.groups()
        device = settled[places[ident]] if ident in places else None
        if isinstance(device, DeviceOption) and key not in ("driver", "id"):
            item = Property(key, _typed(device.driver, key, value, caps), _place_of(options[at]))
            kept = tuple(one for one in device.properties if one.name != key)
            settled[places[ident]] = replace(device, properties=(*kept, item))
            done.add(at)
    return [option for at, option in enumerate(settled) if at not in done]


def _setting(option: Option | Raw) -> re.Match[str] | None:
    """What a ``-set`` says of a device."""
    if not isinstance(option, Raw) or not isinstance(option.option, Plain) or option.option.flag != "-set":
        return None
    match = SETTING.fullmatch(option.option.value or "")
    return match if match is not None and match[1] == "device" else None


def _place_of(option: Option | Raw) -> Origin:
    assert isinstance(option, Raw), "only <qemu:commandline> has -set"
    return option.place


def _typed(driver: str, name: str, text: str, caps: Capabilities) -> Value:
    """The value as JSON has it, by the type of the property; a text where that is not known, or it does not fit."""
    known = caps.property_of(DEVICE_ALIASES.get(driver, driver), name)
    if known is None:
        return text
    value: Value = Text(text)
    if misfit_of(known, value) is not None:
        return text
    if known.type in ("bool", "boolean", "on/off"):
        value = as_switch(text)
    elif re.fullmatch(r"(u?int\d*|size)(_t)?", known.type):
        value = as_number(text) if as_number(text) is not None else as_size(text)
    else:
        return text
    return text if value is None else value


def check_capabilities(domain: Domain) -> Iterator[Note]:
    """libvirt's flags."""
    if domain.qemu_capabilities is not None:
        yield Note(
            place=domain.place("qemu_capabilities"),
            message="<qemu:capabilities> is without effect: it turns libvirt's flags on and off, and here the binary "
            "itself is asked what it has",
        )


def check_overrides(domain: Domain, target: Target, options: Iterable[Option | Raw]) -> Iterator[Refusal]:
    """Overrides of devices that are not there."""
    if domain.qemu_override is None or domain.not_understood or not target.is_understood:
        return  # a device may be missing only as its own XML is not understood
    known = {ident for option in options if (ident := _id(option))}
    for device in domain.qemu_override.devices:
        if device.alias not in known:
            yield Refusal(
                place=device.place("alias"),
                message=f"no device of this domain is called {device.alias[:80]!r}",
                hint=f"there are {', '.join(sorted(known)[:40])}" if known else "it has none",
            )


def _id(option: Option | Raw) -> str:
    if not isinstance(option, DeviceOption):
        return ""
    return next((str(item.value) for item in option.properties if item.name == "id"), "")


def _changed(option: DeviceOption, wanted: Iterable[QemuProperty]) -> DeviceOption:
    properties = {item.name: item for item in option.properties}
    for change in wanted:
        properties.pop(change.name, None)
        item = change.property()
        if item is not None:
            properties[change.name] = item
    return replace(option, properties=tuple(properties.values()))
