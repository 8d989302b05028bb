"""Which firmware a domain gets, and where its variables are kept (libvirt 11.3, ``qemuFirmwareFillDomain``).

libvirt remembers the firmware of a domain from when it was defined.  A domain without that memory is read here as
libvirt reads one that it has already: firmware in another format than raw is taken only where the domain says so.
"""

from __future__ import annotations

from typing import cast

from prober.commandline.refusal import Note, Refusal
from prober.domain.domain import Domain
from prober.domain.features.machine import Smm
from prober.domain.os.loader import FirmwareFormat, Loader, Nvram, Varstore
from prober.domain.os.model import Os
from prober.domain.steps import Completion
from prober.guest.firmware.match import fits
from prober.host.descriptor import Descriptor, FlashMapping
from prober.host.target import Target

_SUFFIXES = {"raw": ".fd", "qcow2": ".qcow2"}


def settle_firmware(domain: Domain, target: Target) -> Completion:
    """The domain with its firmware's paths, formats and features filled in."""
    os = domain.os
    loader = _asked(os)
    if os.firmware is None and (loader is None or loader.type != "pflash"):
        if loader is None:
            return domain
        return domain.replace(os=os.replace(loader=loader, varstore=_kept_by_qemu(domain, target)))
    loader = loader or Loader(places=os.places)
    found = next((one for one in target.host.firmware if fits(one, domain, target, loader)), None)
    if found is not None:
        domain, loader, template = _take(found, domain, loader)
    elif os.firmware is not None and (target.host.firmware or not _is_chosen(os)):
        yield _nothing_fits(os, target)
        return domain
    else:
        if os.firmware is not None:
            message = "no firmware descriptor is known here to compare this firmware with: it is taken as it is named"
            yield Note(place=loader.place("path"), message=message)
        loader, template = _take_listed(os.nvram, target, loader)
    if domain.os.nvram is not None and _has_no_format(loader, domain.os.nvram):
        message = "libvirt finds no format for variables beside code that is not read-only"
        hint = "write readonly='yes' into <loader>, or format='raw' into <nvram>"
        yield Refusal(place=domain.os.nvram.place(), message=message, hint=hint)
    nvram, varstore = _variables(domain, target, loader, template), _kept_by_qemu(domain, target)
    return domain.replace(os=domain.os.replace(loader=loader, nvram=nvram, varstore=varstore))


def _is_chosen(os: Os) -> bool:
    """Whether the domain says which firmware was chosen for it, as one does that libvirt has already."""
    return os.loader is not None and os.loader.path is not None and os.loader.type == "pflash"


def _asked(os: Os) -> Loader | None:
    """The loader that the domain asks for, with what libvirt reads into it."""
    loader = os.loader
    if loader is None and os.nvram is not None:
        loader = Loader(format=os.nvram.format, places=os.nvram.places)
    if loader is not None and loader.path is not None and loader.type is None and os.firmware is None:
        loader = loader.replace(type="rom")  # a path beside <os firmware=…> is of what kind its descriptor says
    if os.firmware is not None and (loader is None or loader.format is None):
        loader = (loader or Loader(places=os.places)).replace(format="raw")
    return loader


def _nothing_fits(os: Os, target: Target) -> Refusal:
    kind = os.firmware
    return Refusal(
        place=os.place("firmware"),
        message=f"none of the {len(target.host.firmware)} firmware descriptors of this host is of '{kind}' firmware "
        f"that fits this domain and machine {target.canonical}",
        hint="install one, ask for less in <os>, or name a <loader> without <os firmware=…>",
    )


def _kept_by_qemu(domain: Domain, target: Target) -> Varstore | None:
    """Where QEMU keeps variables; the domain's own file, where it names none (libvirt 12.8, asked)."""
    kept = domain.os.varstore
    if kept is None or kept.path is not None:
        return kept
    return kept.replace(path=f"{target.settings.state_directory}/varstore/{domain.name}.json")


#: A template of variables: its path, and its format.
_Template = tuple[str, str] | None


def _take(found: Descriptor, domain: Domain, loader: Loader) -> tuple[Domain, Loader, _Template]:
    """All that a descriptor decides (libvirt 11.3, ``qemuFirmwareEnableFeaturesModern``)."""
    mapping, nvram = found.mapping, domain.os.nvram
    template = _own_template(nvram)
    if isinstance(mapping, FlashMapping):
        loader = loader.replace(
            type="pflash", readonly=True, format=mapping.executable.format, path=mapping.executable.filename
        )
        if mapping.mode == "split" and mapping.nvram_template is not None:
            kept_here = nvram is None or nvram.is_local
            template = (mapping.nvram_template.filename, mapping.nvram_template.format) if kept_here else None
    elif mapping.device == "memory":
        loader = loader.replace(type="rom", path=mapping.filename)
        if mapping.uefi_vars is not None:
            own = domain.os.varstore or Varstore(places=domain.os.places)
            kept = own.replace(template=mapping.uefi_vars.template)
            domain = domain.replace(os=domain.os.replace(varstore=kept))
    else:
        domain = domain.replace(os=domain.os.replace(kernel=mapping.filename))
    if "requires-smm" in found.features:
        smm = domain.features.smm or Smm(places=domain.os.places)
        domain = domain.replace(features=domain.features.replace(smm=smm.replace(state=True)))
        loader = loader.replace(secure=True)
    if domain.os.firmware is None:
        known = (kind for kind in found.interface_types if kind in ("bios", "uefi"))
        kind = next(known, None)
        domain = domain.replace(os=domain.os.replace(firmware="efi" if kind == "uefi" else kind))
    return domain, loader, template


def _take_listed(nvram: Nvram | None, target: Target, loader: Loader) -> tuple[Loader, _Template]:
    """What qemu.conf's ``nvram`` says of code that no descriptor names (libvirt 11.3, ``…FillDomainLegacy``)."""
    template = _own_template(nvram)
    fits = loader.readonly is not False and not loader.stateless and loader.format in (None, "raw")
    for pair in target.settings.nvram if fits else ():
        code, _, variables = pair.partition(":")
        if code == loader.path:
            loader = loader.replace(readonly=True, format="raw")
            return loader, (template[0] if template is not None else variables, "raw")
    return loader.replace(format=loader.format or "raw"), template


def _own_template(nvram: Nvram | None) -> _Template:
    return None if nvram is None or nvram.template is None else (nvram.template, nvram.template_format or "")


def _has_no_format(loader: Loader, nvram: Nvram) -> bool:
    """Whether libvirt knows no format of the variables: it takes that of code that is read-only."""
    return loader.type == "pflash" and not loader.readonly and not loader.stateless and nvram.format is None


def _variables(domain: Domain, target: Target, loader: Loader, template: _Template) -> Nvram | None:
    """Where the variables are; the domain's own file, where it names none (``qemuFirmwareEnsureNVRAM``)."""
    nvram = domain.os.nvram
    if loader.type != "pflash" or not loader.readonly or loader.stateless:
        return nvram
    if nvram is not None:
        nvram = nvram.replace(format=nvram.format or loader.format)
        if template is not None:
            nvram = nvram.replace(template=template[0], template_format=template[1] or None)
        if not nvram.is_empty:
            return nvram
    path, kind = template or ("", "")
    kind = kind or loader.format or "raw"
    directory = f"{target.settings.state_directory}/nvram"
    return Nvram(
        path=f"{directory}/{domain.name}_VARS{_SUFFIXES[kind]}",
        format=cast(FirmwareFormat, kind),  # which _SUFFIXES has
        template=path or None,
        places=nvram.places if nvram is not None else loader.places,
    )
