"""What all hosts have: what a guest may use that shall live on any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ConfigDict

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import CpuModel, Version
from prober.errors import FleetError
from prober.fleet.answer import FleetAnswer
from prober.fleet.known import Fleet, Kit, Where
from prober.fleet.records import HostBuild
from prober.guest.cpu.host import best_of
from prober.guest.cpu.map import CpuMap, cpu_map
from prober.guest.cpu.names import from_qemu

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class BaselineAnswer(FleetAnswer):
    """What these hosts have in common, each by its newest QEMU for the target.

    ``without`` counts the hosts that have no such QEMU, by reason: they are left out, as silent ones are.
    ``cpu_models`` are those that each of them can run under KVM with all of their features, from old to new; ``model``
    is the one of them with the most features, ``features`` what all of them have besides; ``cpu`` is the two as XML of
    a domain.  They are None where it is not known.  ``oldest`` is the oldest version, ``deprecated`` are the
    machines that one of them will lose.
    """

    target: str
    hosts: int
    silent: int
    without: dict[str, int]
    oldest: Version | None = None
    machines: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    cpu_models: tuple[str, ...] | None = None
    model: str | None = None
    features: tuple[str, ...] | None = None
    cpu: str | None = None


@dataclass
class _Common:
    """What was in common so far; None before the first.  What is not known of one is not known of all."""

    machines: dict[str, None] | None = None
    devices: dict[str, None] | None = None
    models: dict[str, None] | None = None
    features: set[str] | None = None
    knows_models: bool = True
    knows_features: bool = True
    deprecated: set[str] = field(default_factory=set)
    versions: list[Version] = field(default_factory=list)

    def add(self, caps: Capabilities) -> None:
        """One QEMU more that has to have it."""
        self.versions.append(caps.version)
        self.machines = _both(self.machines, caps.machines or ())
        self.deprecated.update(name for name, machine in (caps.machines or {}).items() if machine.deprecated)
        self.devices = _both(self.devices, (name for name in caps.types or () if "device" in caps.ancestors(name)))
        kvm = caps.accelerators.get("kvm")
        self._add_models(None if kvm is None else kvm.cpu_models)
        self._add_features(best_of(kvm, "host"))

    def _add_models(self, listed: Mapping[str, CpuModel] | None) -> None:
        self.knows_models = self.knows_models and listed is not None
        usable = [name for name, model in (listed or {}).items() if model.unavailable_features == ()]
        self.models = _both(self.models, usable)

    def _add_features(self, props: Mapping[str, object] | None) -> None:
        self.knows_features = self.knows_features and props is not None
        on = {from_qemu(name) for name, value in (props or {}).items() if value is True}
        self.features = on if self.features is None else self.features & on


def _both(before: Mapping[str, None] | None, now: Iterable[str]) -> dict[str, None]:
    return {name: None for name in now if before is None or name in before}


def baseline(fleet: Fleet, where: Where | None = None, *, target: str = "x86_64") -> BaselineAnswer:
    """What the hosts that are meant have in common for guests of a target."""
    common, counted, silent = _Common(), 0, 0
    without: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for kit, names in fleet.where(where or Where()):
        quiet = fleet.count_silent(names)
        heard = len(names) - quiet
        silent += quiet
        if not heard:
            continue
        one = _newest(fleet, kit, target)
        if isinstance(one, str):
            without[one] = without.get(one, 0) + heard
            continue
        if (one.build, one.variant) not in seen:
            try:
                common.add(fleet.capabilities(one.build, one.variant))
            except FleetError as error:
                without[error.message] = without.get(error.message, 0) + heard
                continue
            seen.add((one.build, one.variant))
        counted += heard
    answer = BaselineAnswer(
        as_of=fleet.as_of,
        target=target,
        hosts=counted,
        silent=silent,
        without=without,
        oldest=min(common.versions, default=None),
        machines=tuple(sorted(common.machines or ())),
        deprecated=tuple(sorted(common.deprecated & {*(common.machines or ())})),
        devices=tuple(sorted(common.devices or ())),
    )
    return answer.model_copy(update=_cpu_of(common, cpu_map()))


def _newest(fleet: Fleet, kit: Kit, target: str) -> HostBuild | str:
    """The newest QEMU of a kit for the target, or why there is none."""
    known = [(fleet.builds[one.build].inventory, one) for one in kit if one.build in fleet.builds]
    fitting = [(build.version, one) for build, one in known if build.target == target]
    if fitting:
        return max(fitting, key=lambda item: item[0])[1]
    return "its builds are not told yet" if len(known) < len(kit) else f"it has no QEMU for {target}"


def _cpu_of(common: _Common, known: CpuMap) -> dict[str, object]:
    """The model and the features of an answer."""
    if not common.versions or not common.knows_models:
        return {}
    order = {name: place for place, name in enumerate(known.models)}
    models = sorted(common.models or (), key=lambda name: (order.get(name, -1), name))
    named = [name for name in models if name in known.models]
    told: dict[str, object] = {"cpu_models": tuple(models)}
    if not named:
        return told
    best = max(named, key=lambda name: (known.models[name].bits.bit_count(), order[name]))
    features = None
    if common.knows_features:
        features = tuple(_more(common.features or set(), best, known))
    return {**told, "model": best, "features": features, "cpu": "\n".join(_xml(best, features or ()))}


def _more(features: set[str], model: str, known: CpuMap) -> Iterator[str]:
    """The features that can be migrated and that the model does not have."""
    has = known.models[model].bits
    for name in sorted(features):
        bits = known.features.get(name, 0)
        if bits and has & bits != bits and name not in known.unmigratable:
            yield name


def _xml(model: str, features: Iterable[str]) -> Iterator[str]:
    """Names of the CPU map have letters that XML takes as they are."""
    yield "<cpu mode='custom' match='exact' check='partial'>"
    yield f"  <model fallback='forbid'>{model}</model>"
    for name in features:
        yield f"  <feature policy='require' name='{name}'/>"
    yield "</cpu>"
