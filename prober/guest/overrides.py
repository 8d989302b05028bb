"""``<qemu:override>``: properties of devices, whatever translating made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from prober.commandline.options import DeviceOption, Option, Raw
from prober.commandline.refusal import Refusal
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


def check_overrides(domain: Domain, target: Target, options: Iterable[Option | Raw]) -> Iterator[Refusal]:
    """Overrides of devices that are not there, and libvirt's flags."""
    if domain.qemu_capabilities is not None:
        yield Refusal(
            place=domain.place("qemu_capabilities"),
            message="<qemu:capabilities> turns libvirt's flags on and off; here the binary itself is asked what it has",
            hint="remove it",
        )
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
