"""``<seclabel>``: what SELinux, AppArmor or file ownership (``dac``) let a domain do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from prober.commandline.refusal import Broken
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Checked, Neutral
from prober.xml.values import Line, LineOrNothing, YesNo

_DONE = Neutral("libvirt labels QEMU's process and files with it; whoever starts QEMU does")

#: Models that libvirt knows; another is a name that no host has.
_LONGEST = 256


class SecLabel(Checked):
    """One label; ``type='dynamic'`` makes one up, ``static`` takes the one that is given, ``none`` labels nothing."""

    type: Annotated[Literal["dynamic", "static", "none"], At("@type"), _DONE] = "dynamic"
    model: Annotated[Line | None, At("@model"), _DONE] = None
    relabel: Annotated[YesNo | None, At("@relabel"), _DONE] = None
    label: Annotated[LineOrNothing, At("label"), _DONE] = None
    imagelabel: Annotated[LineOrNothing, At("imagelabel"), _DONE] = None
    baselabel: Annotated[LineOrNothing, At("baselabel"), _DONE] = None

    @property
    def relabels(self) -> bool:
        """Whether what the guest uses gets the label; without a word on it, a label that is made up is for that."""
        return self.type == "dynamic" if self.relabel is None else self.relabel

    def rules(self) -> Iterator[Broken]:
        """What goes together (libvirt 11.3, ``virSecurityLabelDefParseXML``)."""
        if self.type == "dynamic" and self.relabel is False:
            yield Broken("relabel", "a label that is made up is of no use without relabel='yes'")
        if self.type == "none" and self.relabel:
            yield Broken("relabel", "type='none' labels nothing, and so cannot relabel")
        if self.type == "static" and self.model != "none" and self.label is None:
            yield Broken("", "type='static' needs a <label>")
        for name in ("model", "label", "imagelabel", "baselabel"):
            value = getattr(self, name)
            if value is not None and len(value) >= _LONGEST * 16:
                yield Broken(name, "a label has at most 4095 characters")


def label_rules(labels: Iterable[SecLabel], field: str) -> Iterator[Broken]:
    """Each model once, and named where there are several (libvirt 11.3, ``virSecurityLabelDefsParseXML``)."""
    labels = tuple(labels)
    for model in given_twice(label.model for label in labels if label.model is not None):
        yield Broken(field, f"two labels are for model {model}")
    if len(labels) > 1 and any(label.model is None for label in labels):
        yield Broken(field, "where there are several labels, each needs its model")
    if len(labels) == 1 and labels[0].model is None:
        label = labels[0]
        if label.type == "static" or (label.type == "dynamic" and label.baselabel is not None):
            yield Broken(field, "a label that is given needs its model")
