"""``<launchSecurity>``: a guest whose memory the host cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator

from prober.commandline.options import Need, Object, Option, Prepared, Property
from prober.commandline.refusal import Refusal, Unfit
from prober.host.directories import domain_directory
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import Count, YesNo

#: libvirt's name for the object.
_ID = "lsec0"

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _hex(most: int) -> Any:
    """Hexadecimal, with or without ``0x`` (libvirt 11.3, ``virXPathULongLongBase``)."""

    def convert(value: Any) -> Any:
        text = str(value).strip()
        if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{1,16}", text) or int(text, 16) > most:
            raise Unfit(f"is not a hexadecimal number up to {most:#x}")
        return int(text, 16)

    return BeforeValidator(convert)


def _base64(most: int) -> Any:
    """Text in base64 of at most so many bytes."""

    def check(value: str) -> str:
        text = "".join(value.split())
        if not text or not _BASE64.fullmatch(text):
            raise Unfit("is not in base64")
        if len(text.rstrip("=")) * 3 // 4 > most:
            raise Unfit(f"is more than {most} bytes in base64")
        return text

    return AfterValidator(check)


#: What depends on the host's CPU: the field, QEMU's name, and the element.
_OF_THE_HOST = (
    ("cbitpos", "cbitpos", "cbitpos"),
    ("reduced_phys_bits", "reduced-phys-bits", "reducedPhysBits"),
)


def _host_number(target: Target, key: str) -> int | None:
    """What the binary says of the CPU that it was interviewed on."""
    value = target.caps.sev.get(key) if isinstance(target.caps.sev, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None


class LaunchSecurity(Element):
    """Memory that the host cannot read; ``type`` tells by which of the processor's ways."""

    tag: ClassVar[str] = "type"


class _Sev(LaunchSecurity):
    """What all generations of AMD's SEV have."""

    tag: ClassVar[str] = ""
    kernel_hashes: Annotated[YesNo | None, At("@kernelHashes"), Becomes("`kernel-hashes`")] = None
    cbitpos: Annotated[Count | None, At("cbitpos"), Becomes("`cbitpos`")] = None
    reduced_phys_bits: Annotated[Count | None, At("reducedPhysBits"), Becomes("`reduced-phys-bits`")] = None

    def missing(self, target: Target) -> Iterator[str]:
        """What neither the domain nor the binary says of the host's CPU (``query-sev-capabilities``)."""
        for name, key, element in _OF_THE_HOST:
            if getattr(self, name) is None and _host_number(target, key) is None:
                yield element

    def _common(self, target: Target) -> Iterator[Property]:
        for name, key, _ in _OF_THE_HOST:
            value = getattr(self, name)
            if value is None:
                value = _host_number(target, key)
            if value is not None:
                yield Property(key, value, self.place(name))
        if self.kernel_hashes is not None:
            yield Property("kernel-hashes", self.kernel_hashes, self.place("kernel_hashes"))


class Sev(_Sev):
    """The first two generations: memory, and with bit 2 of the policy (SEV-ES) registers are encrypted."""

    type: Annotated[Literal["sev"], At("@type"), Becomes("`-object sev-guest`")]
    policy: Annotated[int, _hex(2**32 - 1), At("policy"), Becomes("`policy`")]
    dh_cert: Annotated[Annotated[str, _base64(65536)] | None, At("dhCert"), Becomes("a file for `dh-cert-file`")] = None
    session: Annotated[Annotated[str, _base64(65536)] | None, At("session"), Becomes("a file for `session-file`")] = (
        None
    )

    @property
    def encrypts_registers(self) -> bool:
        """Whether it is SEV-ES."""
        return bool(self.policy & 4)

    def emit(self, target: Target, directory: str) -> Iterator[Option]:
        """``directory`` is the domain's own, where libvirt writes the owner's words for QEMU to read."""
        properties = [*self._common(target), Property("policy", self.policy, self.place("policy"))]
        for name, key, file, what in (
            ("dh_cert", "dh-cert-file", "dh_cert.base64", "certificate of <dhCert>"),
            ("session", "session-file", "session.base64", "text of <session>"),
        ):
            if getattr(self, name) is not None:
                need = Need("file", _ID, f"write the {what} into the file {directory}/{file}")
                properties.append(Property(key, Prepared(f"{directory}/{file}", need), self.place(name)))
        yield Object("sev-guest", _ID, tuple(properties), self.place())


class SevSnp(_Sev):
    """The third generation, which also keeps the host from changing memory."""

    type: Annotated[Literal["sev-snp"], At("@type"), Becomes("`-object sev-snp-guest`")]
    author_key: Annotated[YesNo | None, At("@authorKey"), Becomes("`author-key-enabled`")] = None
    vcek: Annotated[YesNo | None, At("@vcek"), Becomes("`vcek-disabled`")] = None
    policy: Annotated[int, _hex(2**64 - 1), At("policy"), Becomes("`policy`")]
    workarounds: Annotated[
        Annotated[str, _base64(16)] | None, At("guestVisibleWorkarounds"), Becomes("`guest-visible-workarounds`")
    ] = None
    id_block: Annotated[Annotated[str, _base64(96)] | None, At("idBlock"), Becomes("`id-block`")] = None
    id_auth: Annotated[Annotated[str, _base64(4096)] | None, At("idAuth"), Becomes("`id-auth`")] = None
    host_data: Annotated[Annotated[str, _base64(32)] | None, At("hostData"), Becomes("`host-data`")] = None

    def emit(self, target: Target, directory: str) -> Iterator[Option]:
        """One object; QEMU names the key of the chip by what is taken away."""
        properties = [*self._common(target), Property("policy", self.policy, self.place("policy"))]
        for name, key in (
            ("workarounds", "guest-visible-workarounds"),
            ("id_block", "id-block"),
            ("id_auth", "id-auth"),
            ("host_data", "host-data"),
            ("author_key", "author-key-enabled"),
        ):
            value = getattr(self, name)
            if value is not None:
                properties.append(Property(key, value, self.place(name)))
        if self.vcek is not None:
            properties.append(Property("vcek-disabled", not self.vcek, self.place("vcek")))
        yield Object("sev-snp-guest", _ID, tuple(properties), self.place())


LaunchSecurity.choices = {"sev": Sev, "sev-snp": SevSnp}


def machine_security(security: LaunchSecurity | None, target: Target) -> Iterator[Property]:
    """What the machine is told of the object; by another name before QEMU 6.0."""
    if security is not None:
        # Every machine has the property where one has it; libvirt asks the same one.
        modern = target.caps.has("none-machine.confidential-guest-support") or target.caps.has(
            f"{target.canonical}.confidential-guest-support"
        )
        key = "confidential-guest-support" if modern else "memory-encryption"
        yield Property(key, _ID, security.place())


def emit_security(security: LaunchSecurity | None, domain_name: str, target: Target) -> Iterator[Option]:
    """The object that makes it."""
    if isinstance(security, Sev | SevSnp):
        yield from security.emit(target, domain_directory(domain_name, target))


def check_security(security: LaunchSecurity | None, target: Target) -> Iterator[Refusal]:
    """Memory of a guest is encrypted by the CPU, which needs KVM, and numbers that depend on the CPU."""
    if isinstance(security, Sev | SevSnp):
        for element in security.missing(target):
            yield Refusal(
                place=security.place(),
                message=f"<{element}> is needed: it depends on the host's CPU, and QEMU was asked on one without SEV",
            )
    if security is not None and target.accel != "kvm":
        message = "launch security needs the host's CPU, and the domain's type is qemu"
        yield Refusal(place=security.place(), message=message, hint="write <domain type='kvm'>")
