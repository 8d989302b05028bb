"""``<launchSecurity>``: a guest whose memory the host cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator

from prober.commandline.options import Need, Object, Option, Prepared, Property
from prober.commandline.refusal import Broken, Unfit
from prober.host.directories import domain_directory
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AbsolutePath, Count, YesNo

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


def _base64(most: int, *, least: int = 1) -> Any:
    """Text in base64 of at most so many bytes, and no fewer than ``least``."""

    def check(value: str) -> str:
        text = "".join(value.split())
        if not text or not _BASE64.fullmatch(text):
            raise Unfit("is not in base64")
        if len(text.rstrip("=")) * 3 // 4 > most:
            raise Unfit(f"is more than {most} bytes in base64")
        if len(text.rstrip("=")) * 3 // 4 < least:
            raise Unfit(f"is less than {least} bytes in base64")
        return text

    return AfterValidator(check)


#: The bits of a TDX guest's attributes that a domain may have.
_TDX_POLICY = 1 << 28 | 1

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

    @property
    def needs_of_host(self) -> str:
        """The fact of a host (:class:`~prober.host.facts.HostFacts`) without which its kernel starts no such guest."""
        raise NotImplementedError


class AmdSecurity(LaunchSecurity):
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


class Sev(AmdSecurity):
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

    @property
    def needs_of_host(self) -> str:
        """SEV, or its second generation."""
        return "sev_es" if self.encrypts_registers else "sev"

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


class SevSnp(AmdSecurity):
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

    @property
    def needs_of_host(self) -> str:
        """The third generation."""
        return "sev_snp"

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


class QuoteService(Element):
    """``<quoteGenerationService>``: what signs what a TDX guest says of itself."""

    path: Annotated[AbsolutePath, At("@path"), Becomes("`quote-generation-socket`")] = "/var/run/tdx-qgs/qgs.socket"


#: A digest of SHA-384, in base64.
_Digest: TypeAlias = Annotated[str, _base64(48, least=48)]


class Tdx(LaunchSecurity, Checked):
    """Intel's way: memory, registers and state are out of the host's reach (libvirt 12.8, asked)."""

    tag: ClassVar[str] = ""
    type: Annotated[Literal["tdx"], At("@type"), Becomes("`-object tdx-guest`")]
    policy: Annotated[Annotated[int, _hex(2**64 - 1)] | None, At("policy"), Becomes("`attributes`")] = None
    config_id: Annotated[_Digest | None, At("mrConfigId"), Becomes("`mrconfigid`")] = None
    owner: Annotated[_Digest | None, At("mrOwner"), Becomes("`mrowner`")] = None
    owner_config: Annotated[_Digest | None, At("mrOwnerConfig"), Becomes("`mrownerconfig`")] = None
    quotes: Annotated[QuoteService | None, At("quoteGenerationService"), Becomes("`quote-generation-socket`")] = None

    def rules(self) -> Iterator[Broken]:
        """The attributes that libvirt lets a guest have: debugging, and no exception at a page that was taken away."""
        if self.policy is not None and self.policy & ~_TDX_POLICY:
            yield Broken("policy", "a policy has bits 0 (debug) and 28 (sept-ve-disable) alone")

    @property
    def needs_of_host(self) -> str:
        """TDX."""
        return "tdx"

    def emit(self, target: Target, directory: str) -> Iterator[Option]:
        """One object."""
        properties = []
        for name, key in (("config_id", "mrconfigid"), ("owner", "mrowner"), ("owner_config", "mrownerconfig")):
            if getattr(self, name) is not None:
                properties.append(Property(key, getattr(self, name), self.place(name)))
        if self.quotes is not None:
            todo = f"the service that signs quotes of TDX guests must listen on {self.quotes.path}"
            path = Prepared(self.quotes.path, Need("tdx-quotes", _ID, todo))
            place = self.quotes.place("path")
            properties.append(Property("quote-generation-socket", {"type": "unix", "path": path}, place))
        if self.policy is not None:
            properties.append(Property("attributes", self.policy, self.place("policy")))
        yield Object("tdx-guest", _ID, tuple(properties), self.place())


LaunchSecurity.choices = {"sev": Sev, "sev-snp": SevSnp, "tdx": Tdx}


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
    if isinstance(security, Sev | SevSnp | Tdx):
        yield from security.emit(target, domain_directory(domain_name, target))
