"""What is known of a binary in two parts: a build, the same on every host, and a variant, which is a host's own.

The models of machines and CPUs that QEMU lists under KVM are those that it lists under TCG, but for the features that
the host lacks (libvirt's recordings of 2.10 to 10.0 have them so); where they differ, the build has both.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.inventory import Inventory
from prober.capabilities.models import Accelerator, CpuExpansion, CpuModel, GicVersion, Kvm, Machine

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: The fields of capabilities that a host has a part in.
_OF_HOST = ("kvm", "accelerators", "sev", "sgx", "gic")


class ListedModels(BaseModel):
    """The machines and CPU models of one list, as :class:`~prober.capabilities.models.Accelerator` has them.

    No CPU model has its ``unavailable_features``: these are the host's.
    """

    model_config = _CONFIG

    machines: dict[str, Machine] | None = None
    cpu_models: dict[str, CpuModel] | None = None


class Build(BaseModel):
    """What a binary says on every host: the fields of :class:`~prober.capabilities.Capabilities` that no host changes.

    ``lists`` has the machines and CPU models, each list once.
    """

    model_config = _CONFIG

    inventory: Inventory
    lists: tuple[ListedModels, ...] = ()


class HostAccelerator(BaseModel):
    """What a host adds to one accelerator.

    ``models`` is the place of the list in the build.  ``unavailable`` has the features that this host lacks, by CPU
    model; a model that is not in it was told of without (None where QEMU does not say).
    """

    model_config = _CONFIG

    models: int
    unavailable: dict[str, tuple[str, ...]] = {}
    expansions: tuple[CpuExpansion, ...] = ()


class Variant(BaseModel):
    """What a host's kernel and CPU add to a build; as :class:`~prober.capabilities.Capabilities` has it."""

    model_config = _CONFIG

    kvm: Kvm | None = None
    accelerators: dict[str, HostAccelerator] = {}
    sev: JsonValue = None
    sgx: JsonValue = None
    gic: tuple[GicVersion, ...] | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def has_kvm(self) -> bool:
        """Whether the host has KVM for its guests."""
        return self.kvm is not None and self.kvm.enabled


def split(capabilities: Capabilities) -> tuple[Build, Variant]:
    """The two parts.  :func:`join` makes the same of them again, to the byte."""
    lists: list[ListedModels] = []
    accelerators = {}
    for name, accelerator in capabilities.accelerators.items():
        listed = _listed(accelerator)
        same = (n for n, one in enumerate(lists) if one == listed and _order(one) == _order(listed))
        place = next(same, len(lists))
        if place == len(lists):
            lists.append(listed)
        accelerators[name] = HostAccelerator(
            models=place, unavailable=_unavailable(accelerator), expansions=accelerator.cpu_expansions
        )
    build = Build(inventory=Inventory.model_construct(**_of_build(capabilities)), lists=tuple(lists))
    return build, Variant(
        kvm=capabilities.kvm,
        accelerators=accelerators,
        sev=capabilities.sev,
        sgx=capabilities.sgx,
        gic=capabilities.gic,
    )


def belongs(variant: Variant, build: Build) -> bool:
    """Whether a variant is one of this build: it names lists and CPU models that the build has."""
    return not any(_stranger(build, host) for host in variant.accelerators.values())


def _stranger(build: Build, host: HostAccelerator) -> str:
    """What of an accelerator its build does not have; empty where it has all."""
    if not 0 <= host.models < len(build.lists):
        return f"a variant names list {host.models} of a build that has {len(build.lists)}"
    known = build.lists[host.models].cpu_models or {}
    strange = next((name for name in host.unavailable if name not in known), None)
    return "" if strange is None else f"a variant names CPU model {strange[:80]!r}, which its build does not have"


def join(build: Build, variant: Variant) -> Capabilities:
    """What is known of the binary on the host.

    :raise ValueError: where the variant is one of another build.
    """
    accelerators = {name: _joined(build, host) for name, host in variant.accelerators.items()}
    own = {"kvm": variant.kvm, "accelerators": accelerators, "sev": variant.sev, "sgx": variant.sgx, "gic": variant.gic}
    fields = _of_build(build.inventory) | own
    return Capabilities.model_construct(**{name: fields[name] for name in Inventory.model_fields})


def _of_build(inventory: Inventory) -> dict[str, Any]:
    """The fields that no host has a part in."""
    return {name: getattr(inventory, name) for name in Inventory.model_fields if name not in _OF_HOST}


def _listed(accelerator: Accelerator) -> ListedModels:
    models = accelerator.cpu_models
    bare = None if models is None else {name: _bare(model, None) for name, model in models.items()}
    return ListedModels(machines=accelerator.machines, cpu_models=bare)


def _bare(model: CpuModel, unavailable: tuple[str, ...] | None) -> CpuModel:
    return model.model_copy(update={"unavailable_features": unavailable})


def _order(listed: ListedModels) -> tuple[list[str], list[str]]:
    """In what order a list is told, which equality of mappings does not see."""
    return list(listed.machines or ()), list(listed.cpu_models or ())


def _unavailable(accelerator: Accelerator) -> dict[str, tuple[str, ...]]:
    models = (accelerator.cpu_models or {}).items()
    return {name: model.unavailable_features for name, model in models if model.unavailable_features is not None}


def _joined(build: Build, host: HostAccelerator) -> Accelerator:
    if words := _stranger(build, host):
        raise ValueError(words)
    listed = build.lists[host.models]
    models = listed.cpu_models
    own = None if models is None else {name: _bare(one, host.unavailable.get(name)) for name, one in models.items()}
    return Accelerator(machines=listed.machines, cpu_models=own, cpu_expansions=host.expansions)
