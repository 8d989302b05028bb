"""``<tpm>``: a trusted platform module, the host's own or one in software."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Keyval, Need, Prepared, Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.chardev.opened import add_descriptor, file_to_open, set_path
from prober.domain.shared.chardev.sockets import unix_socket
from prober.domain.shared.device import Device
from prober.domain.shared.twins import extras
from prober.domain.steps import Completion
from prober.host.directories import short_name
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, Count, Line, Uuid, YesNo

_SWTPM = "the resource: what swtpm is told"

_BANKS = ("sha1", "sha256", "sha384", "sha512")

#: What each backend has of its own.
_OF_BACKENDS = {
    "device": "passthrough",
    "source_mode": "external",
    **dict.fromkeys(
        (
            "version",
            "debug",
            "persistent_state",
            "secret",
            "profile_source",
            "profile_name",
            "remove_disabled",
            *_BANKS,
        ),
        "emulator",
    ),
}


class Tpm(Device):
    """One TPM; ``emulator`` is a swtpm that is started for the domain, ``external`` one that somebody else runs."""

    element = "tpm"
    alias_prefix = "tpm"

    model: Annotated[Literal["tpm-tis", "tpm-crb"], At("@model"), Becomes("the device")] = "tpm-tis"
    backend: Annotated[Literal["passthrough", "emulator", "external"], At("backend/@type"), Becomes("`-tpmdev`")] = (
        "emulator"
    )
    device: Annotated[
        AbsolutePath | None, At("backend/device/@path"), Becomes("a descriptor that libvirt opens; else `/dev/tpm0`")
    ] = None
    version: Annotated[Literal["1.2", "2.0"] | None, At("backend/@version"), Becomes(_SWTPM)] = None
    debug: Annotated[Count | None, At("backend/@debug"), Becomes(_SWTPM)] = None
    persistent_state: Annotated[YesNo | None, At("backend/@persistent_state"), Becomes(_SWTPM)] = None
    secret: Annotated[Uuid | None, At("backend/encryption/@secret"), Becomes(_SWTPM)] = None
    source_type: Annotated[
        Literal["file", "dir", "unix"] | None, At("backend/source/@type"), Becomes("the resource; `unix` of external")
    ] = None
    source_path: Annotated[
        AbsolutePath | None, At("backend/source/@path"), Becomes("the resource; `path` of the `-chardev` of external")
    ] = None
    source_mode: Annotated[
        Literal["connect"] | None, At("backend/source/@mode"), Becomes("that QEMU connects, as it does anyhow")
    ] = None
    sha1: Annotated[bool, At("backend/active_pcr_banks/sha1"), Becomes(_SWTPM)] = False
    sha256: Annotated[bool, At("backend/active_pcr_banks/sha256"), Becomes(_SWTPM)] = False
    sha384: Annotated[bool, At("backend/active_pcr_banks/sha384"), Becomes(_SWTPM)] = False
    sha512: Annotated[bool, At("backend/active_pcr_banks/sha512"), Becomes(_SWTPM)] = False
    profile_source: Annotated[Line | None, At("backend/profile/@source"), Becomes(_SWTPM)] = None
    profile_name: Annotated[
        Line | None, At("backend/profile/@name"), Neutral("what libvirt found the profile to be called")
    ] = None
    remove_disabled: Annotated[
        Literal["none", "check", "fips-host"] | None, At("backend/profile/@removeDisabled"), Becomes(_SWTPM)
    ] = None

    #: Where swtpm is awaited, and where it keeps its state; filled in by completing.
    socket: str = ""
    state: str = ""
    #: QEMU's device, and the version of a TIS that names none; filled in by completing.
    driver: str = ""
    tis_version: Literal["1.2", "2.0"] = "1.2"

    @property
    def version_of_swtpm(self) -> str:
        """TIS has TPM 1.2 on x86 where nobody says otherwise (``qemuDomainTPMDefPostParse``)."""
        return self.version or (self.tis_version if self.model == "tpm-tis" else "2.0")

    def rules(self) -> Iterator[Broken]:
        """What belongs to which backend (11.3, ``virDomainTPMDevValidate``)."""
        for name, backend in _OF_BACKENDS.items():
            if self._says(name) and self.backend != backend:
                yield Broken(name, f"belongs to the backend '{backend}' alone")
        yield from self._source_rules()
        yield from self._version_rules()

    def _says(self, name: str) -> bool:
        """Whether this field says anything: a bank that is not named is none."""
        value = getattr(self, name)
        return bool(value) if name in _BANKS else value is not None

    def _source_rules(self) -> Iterator[Broken]:
        """Where each backend is, or keeps its state."""
        match self.backend:
            case "external":
                if self.source_path is None or self.source_type != "unix":
                    yield Broken("", "the backend 'external' needs <source type='unix' mode='connect' path=…>")
            case "emulator":
                if self.source_type == "unix":
                    message = "swtpm keeps its state in a file or a directory; unix is for the backend 'external'"
                    yield Broken("source_type", message)
                if self.source_type is not None and self.source_path is None:
                    yield Broken("source_type", "needs path=…")
            case "passthrough":
                if self.source_type is not None or self.source_path is not None:
                    yield Broken("source_path", "the host's TPM is given by <device path=…>")

    def _version_rules(self) -> Iterator[Broken]:
        if self.backend != "emulator" or self.version_of_swtpm == "2.0":
            return
        if self.model != "tpm-tis":
            yield Broken("version", f"TPM 1.2 is for tpm-tis alone, not for {self.model}")
        for name in (*_BANKS, "profile_source"):
            if getattr(self, name):
                yield Broken(name, "needs version='2.0'")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-tpmdev``, what is behind it, and the device."""
        tpmdev, place = f"tpm-{self.id}", self.place("backend")
        pairs = [Property("id", tpmdev, place)]
        if self.backend == "passthrough":
            path = self.device or "/dev/tpm0"
            need = file_to_open("tpm", self.id, path, "read-write")
            yield add_descriptor(f"{self.id}-tpm", need, self.place("device"))
            cancel = f"/sys/class/tpm/{path.rpartition('/')[2]}/device/cancel"
            need = file_to_open("tpm", self.id, cancel, "write")
            yield add_descriptor(f"{self.id}-cancel", need, self.place("device"))
            pairs.append(Property("path", set_path(f"{self.id}-tpm"), self.place("device")))
            pairs.append(Property("cancel-path", set_path(f"{self.id}-cancel"), self.place("device")))
        else:
            yield unix_socket("chrtpm", self._socket(), place, target)
            pairs.append(Property("chardev", "chrtpm", place))
        backend = "passthrough" if self.backend == "passthrough" else "emulator"
        yield Keyval("-tpmdev", backend, tuple(pairs), place)
        properties = (Property("tpmdev", tpmdev, place), Property("id", self.id, self.place()))
        yield options.DeviceOption(self.driver or self.model, properties, self.place("model"))

    def _socket(self) -> Prepared:
        if self.backend == "external":
            assert self.source_path is not None
            todo = f"a TPM must be there on {self.source_path} before QEMU starts"
            return Prepared(self.source_path, Need("swtpm", self.id, todo))
        return Prepared(self.socket, Need("swtpm", self.id, " ".join(self._todo())))

    def _todo(self) -> Iterator[str]:
        """What is to be done before QEMU connects (libvirt, ``qemuTPMEmulatorStart``)."""
        kind = "file" if self.source_type == "file" else "dir"
        state = f"backend-uri=file://{self.state}" if kind == "file" else f"dir={self.state}"
        flags = " --tpm2" if self.version_of_swtpm == "2.0" else ""
        flags += f" --log level={self.debug}" if self.debug else ""
        flags += " --key, with the secret's text as passphrase" if self.secret is not None else ""
        yield f"start swtpm socket --ctrl type=unixio,path={self.socket} --tpmstate {state}{flags};"
        banks = [name for name in _BANKS if getattr(self, name)]
        profile = [
            f"{word} {value}"
            for word, value in (
                ("--profile-name", self.profile_source),
                ("--profile-remove-disabled", self.remove_disabled),
            )
            if value is not None
        ]
        more = [*([f"--pcr-banks {','.join(banks)}"] if banks else []), *profile]
        told = f" with {' '.join(more)}" if more else ""
        yield f"its state is made by swtpm_setup{told} where there is none;"
        if self.secret is not None:
            yield f"the passphrase is the secret {self.secret};"
        kept = "is kept when the domain is undefined" if self.persistent_state else "goes when the domain does"
        yield f"the state {kept}"


def settle_tpms(domain: Domain, target: Target) -> Completion:
    """Where a domain's swtpm is and keeps its state; there is one TPM (``qemuValidateDomainDefTPMs``)."""
    for first, extra in extras(domain.devices.of(Tpm)):
        message = f"a second TPM, the first is in line {first.place().line}"
        yield Refusal(place=extra.place(), message=message)
    family, settings = target.family, target.settings
    for tpm in domain.devices.of(Tpm) if target.is_understood else ():
        if tpm.model not in family.tpms:
            message = f"machine {target.machine} of {target.caps.target} has no {tpm.model}"
            yield Refusal(place=tpm.place("model"), message=message, hint=f"write model='{next(iter(family.tpms))}'")
    socket = settings.swtpm_socket or f"{settings.run_directory}/swtpm/{short_name(domain.name)}-swtpm.sock"
    storage = f"{settings.swtpm_storage_directory}/{domain.uuid or domain.name}"

    def settled(tpm: Tpm) -> Tpm:
        tpm = tpm.replace(driver=family.tpms.get(tpm.model, tpm.model), tis_version=family.tis_version)
        kind = "tpm2" if tpm.version_of_swtpm == "2.0" else "tpm1.2"
        return tpm.replace(socket=socket, state=tpm.source_path or f"{storage}/{kind}")

    return domain.with_each(Tpm, settled)
