"""``<cpu>``: which CPU the guest sees, its features, and how many of it make a socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Unfit
from prober.domain.numa import Numa
from prober.domain.shared.twins import repeats
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import OnOff, PositiveCount

_CHECKED = "whether the CPU is held against this host's (docs/checking.md); the command line is the same"
_VENDOR = "held against this host's CPU (docs/checking.md); the command line is the same"

#: A name as libvirt's CPU map and QEMU have them.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")

#: CPUID has room for twelve characters, and libvirt allows no comma.
_VENDOR_ID = re.compile(r"[\x20-\x2b\x2d-\x7e]{12}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise Unfit("is not a name of letters, digits, dashes, dots and underscores")
    return value


def _model_name(value: str) -> str:
    """A model's name, or nothing: ``<model fallback='allow'/>``."""
    text = value.strip()
    return _name(text) if text else ""


def _vendor_id(value: str) -> str:
    if not _VENDOR_ID.fullmatch(value):
        raise Unfit("is not a vendor of exactly 12 printable ASCII characters without comma")
    return value


CpuVendor: TypeAlias = Annotated[str, AfterValidator(_vendor_id)]


class CpuName(Element):
    """``<model>``: the CPU model; without a name, how that of the host is looked for."""

    name: Annotated[str, AfterValidator(_model_name), At("."), Becomes("the model of `-cpu`")] = ""
    fallback: Annotated[
        Literal["allow", "forbid"],
        At("@fallback"),
        Becomes("the nearest model of `-cpu`, where the binary does not have the one that is named"),
    ] = "allow"
    vendor_id: Annotated[CpuVendor | None, At("@vendor_id"), Becomes("`vendor` of `-cpu`")] = None


class Feature(Element):
    """``<feature>``: one that the model has not, or shall not have."""

    name: Annotated[str, AfterValidator(_name), At("@name"), Becomes("a feature of `-cpu`")]
    policy: Annotated[
        Literal["force", "require", "optional", "disable", "forbid"],
        At("@policy"),
        Becomes("whether the feature is on or off"),
    ] = "require"


class Topology(Element):
    """``<topology>``: how the virtual CPUs are grouped, as the guest sees them."""

    sockets: Annotated[PositiveCount, At("@sockets"), Becomes("`sockets` of `-smp`")]
    dies: Annotated[PositiveCount, At("@dies"), Becomes("`dies` of `-smp`")] = 1
    clusters: Annotated[PositiveCount, At("@clusters"), Becomes("`clusters` of `-smp`")] = 1
    cores: Annotated[PositiveCount, At("@cores"), Becomes("`cores` of `-smp`")]
    threads: Annotated[PositiveCount, At("@threads"), Becomes("`threads` of `-smp`")]

    @property
    def cpus(self) -> int:
        """How many virtual CPUs there are."""
        return self.sockets * self.dies * self.clusters * self.cores * self.threads


class CpuCache(Checked):
    """``<cache>``: which caches the guest sees."""

    level: Annotated[Literal["1", "2", "3"] | None, At("@level"), Becomes("which cache is emulated: the third")] = None
    mode: Annotated[
        Literal["emulate", "passthrough", "disable"], At("@mode"), Becomes("`l3-cache` and `host-cache-info` of `-cpu`")
    ]

    def rules(self) -> Iterator[Broken]:
        """QEMU emulates a third level alone, and the other modes are for all levels."""
        if self.mode == "emulate" and self.level != "3":
            yield Broken("level" if self.level else "", "mode='emulate' is for level='3' alone")
        if self.mode != "emulate" and self.level is not None:
            yield Broken("level", f"mode='{self.mode}' is for all levels at once")

    def cpu_properties(self, of_host: bool) -> Iterator[Property]:
        """Keys of ``-cpu``; ``of_host`` is whether the model is the host's, or all that QEMU has."""
        place = self.place("mode")
        if self.mode == "emulate":
            yield Property("l3-cache", True, place)
        if self.mode == "passthrough":
            yield Property("host-cache-info", True, place)
        elif of_host:
            yield Property("host-cache-info", False, place)
        if self.mode != "emulate":
            yield Property("l3-cache", False, place)


class MaxPhysAddr(Checked):
    """``<maxphysaddr>``: how many bits a guest's physical address has."""

    mode: Annotated[Literal["emulate", "passthrough"], At("@mode"), Becomes("`host-phys-bits` of `-cpu`")]
    bits: Annotated[PositiveCount | None, At("@bits"), Becomes("`phys-bits` of `-cpu`")] = None
    limit: Annotated[PositiveCount | None, At("@limit"), Becomes("`host-phys-bits-limit` of `-cpu`")] = None

    def rules(self) -> Iterator[Broken]:
        """A number of one's own, or the host's with a limit (libvirt 11.3, ``qemuValidateDomainDefCpu``)."""
        if self.mode == "passthrough" and self.bits is not None:
            yield Broken("bits", "mode='passthrough' takes the host's number of bits; write limit=… to have fewer")
        if self.mode == "emulate" and self.limit is not None:
            yield Broken("limit", "a limit is for mode='passthrough'; write bits=…")

    def cpu_properties(self) -> Iterator[Property]:
        """Keys of ``-cpu``."""
        if self.mode == "passthrough":
            yield Property("host-phys-bits", True, self.place("mode"))
            if self.limit is not None:
                yield Property("host-phys-bits-limit", self.limit, self.place("limit"))
        elif self.bits is not None:
            yield Property("phys-bits", self.bits, self.place("bits"))
        else:
            yield Property("host-phys-bits", False, self.place("mode"))


class Cpu(Checked):
    """A named model, the host's as QEMU has it, or all that the host or QEMU can."""

    mode: Annotated[
        Literal["custom", "host-model", "host-passthrough", "maximum"], At("@mode"), Becomes("the model of `-cpu`")
    ] = "custom"
    match: Annotated[
        Literal["exact", "minimum", "strict"],
        At("@match"),
        Becomes("with `minimum` the host's model and features; `strict` allows the host no others (docs/checking.md)"),
    ] = "exact"
    check: Annotated[Literal["none", "partial", "full"] | None, At("@check"), Neutral(_CHECKED)] = None
    migratable: Annotated[OnOff | None, At("@migratable"), Becomes("`migratable` of `-cpu`")] = None
    deprecated_features: Annotated[
        OnOff | None, At("@deprecated_features"), Neutral("no feature of an x86 CPU is deprecated, so far")
    ] = None
    model: Annotated[CpuName | None, At("model"), Becomes("the model of `-cpu`")] = None
    vendor: Annotated[Literal["Intel", "AMD", "Hygon"] | None, At("vendor"), Neutral(_VENDOR)] = None
    topology: Annotated[Topology | None, At("topology"), Becomes("`-smp`")] = None
    features: Annotated[tuple[Feature, ...], At("feature"), Becomes("features of `-cpu`")] = ()
    cache: Annotated[CpuCache | None, At("cache"), Becomes("`l3-cache` and `host-cache-info` of `-cpu`")] = None
    numa: Annotated[Numa | None, At("numa"), Becomes("`-numa`")] = None
    maxphysaddr: Annotated[MaxPhysAddr | None, At("maxphysaddr"), Becomes("`phys-bits` of `-cpu`")] = None

    @property
    def name(self) -> str:
        """The model's name, or an empty text."""
        return self.model.name if self.model is not None else ""

    @property
    def qemu_name(self) -> str:
        """QEMU's model of a completed CPU."""
        return {"host-passthrough": "host", "maximum": "max"}.get(self.mode, self.name)

    @property
    def is_of_host(self) -> bool:
        """Whether the guest gets what the host or QEMU has, and no model."""
        return self.mode in ("host-passthrough", "maximum")

    def rules(self) -> Iterator[Broken]:
        """What does not go together (libvirt 11.3, ``virCPUDefParseXML``, ``qemuValidateDomainDefCpu``)."""
        yield from self._model_rules()
        if self.migratable is not None and not self.is_of_host:
            yield Broken("migratable", f"mode='{self.mode}' has no migratable; host-passthrough and maximum have")
        if self.cache is not None and self.cache.mode == "passthrough" and not self.is_of_host:
            yield Broken("cache", "a cache with mode='passthrough' is for mode='host-passthrough' and mode='maximum'")
        for name in repeats(feature.name for feature in self.features):
            yield Broken("features", f"the feature {name} is given twice")

    def _model_rules(self) -> Iterator[Broken]:
        if self.mode == "custom" and not self.name:
            if self.vendor is not None:
                yield Broken("vendor", "<vendor> needs a <model>")
            if self.features:
                yield Broken("features", "a <feature> needs a <model>")
            if self.match == "minimum":
                yield Broken("match", "match='minimum' needs a <model>")
        elif self.mode != "custom" and self.vendor is not None and not self.name:
            yield Broken("vendor", "a <vendor> needs a <model>")
        if self.is_of_host and self.model is not None and self.model.vendor_id is not None:
            yield Broken("model", f"mode='{self.mode}' has the host's vendor; vendor_id is for other modes")
