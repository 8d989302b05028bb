"""``<vcpu>`` and ``<vcpus>``: how many virtual CPUs there are, and which of them may come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.refusal import Broken
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import Count, NumberSet, PositiveCount, YesNo

#: More than any machine of QEMU takes (q35 since 9.0: 4096).
_MOST = 8192


class Vcpu(Checked):
    """``<vcpu>``: how many there are at most, and how many at start."""

    value: Annotated[PositiveCount, At("."), Becomes("`-smp`, or its `maxcpus`")]
    current: Annotated[
        PositiveCount | None, At("@current"), Becomes("the first number of `-smp`, where no `<vcpus>` says it")
    ] = None
    placement: Annotated[
        Literal["static", "auto"], At("@placement"), Becomes("`host-nodes` as numad advises, without `<numatune>`")
    ] = "static"
    cpuset: Annotated[
        NumberSet | None, At("@cpuset"), Neutral("the host's CPUs that QEMU's threads run on, set from outside")
    ] = None

    def rules(self) -> Iterator[Broken]:
        """No more at start than at most."""
        if self.current is not None and self.current > self.value:
            yield Broken("current", f"current='{self.current}' is more than there are: {self.value}")


class OneVcpu(Checked):
    """``<vcpus><vcpu>``: one virtual CPU; one that can be unplugged is plugged in before the guest starts."""

    id: Annotated[Count, At("@id"), Becomes("counted in `-smp`, or a `device_add` that a resource tells of")]
    enabled: Annotated[YesNo, At("@enabled"), Becomes("counted in `-smp`, or in its `maxcpus` alone")]
    hotpluggable: Annotated[
        YesNo | None, At("@hotpluggable"), Becomes("counted in `-smp`, or a `device_add` that a resource tells of")
    ] = None
    order: Annotated[PositiveCount | None, At("@order"), Becomes("the order of `device_add`")] = None

    @property
    def is_hotpluggable(self) -> bool:
        """By default what is not there at start (``virDomainVcpuDefPostParse``)."""
        return not self.enabled if self.hotpluggable is None else self.hotpluggable

    def rules(self) -> Iterator[Broken]:
        """The first CPU is always there, and one that is not there can only come by plugging."""
        if self.id == 0 and not self.enabled:
            yield Broken("enabled", "vcpu 0 cannot be absent")
        if self.id == 0 and self.hotpluggable:
            yield Broken("hotpluggable", "vcpu 0 cannot be plugged")
        if self.id == 0 and self.order is not None and self.order != 1:
            yield Broken("order", "vcpu 0 comes first, so order='1'")
        if not self.enabled and self.hotpluggable is False:
            yield Broken("hotpluggable", f"vcpu {self.id} is absent, and cannot be plugged either")


class Vcpus(Element):
    """``<vcpus>``: the state of each virtual CPU; those that it does not name are absent."""

    every: Annotated[tuple[OneVcpu, ...], At("vcpu"), Becomes("`-smp`")] = ()

    def by_number(self, most: int) -> list[OneVcpu]:
        """All of them, in order."""
        named = {vcpu.id: vcpu for vcpu in self.every}
        return [named.get(number) or _absent(number) for number in range(min(most, _MOST))]


def _absent(number: int) -> OneVcpu:
    return OneVcpu(id=number, enabled=True).replace(enabled=False)  # which the rules do not let a vcpu 0 say
