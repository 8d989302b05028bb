"""``<sound>``: sound cards, and the codecs on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.devices.audio.audible import Audible
from prober.domain.shared.address import Address, IsaAddress, PciAddress, UsbAddress
from prober.domain.shared.devices import Devices
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.twins import extras
from prober.domain.shared.virtio import VirtioDevice
from prober.domain.steps import Check
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element, Qemu
from prober.xml.values import PositiveCount, YesNo

#: QEMU's device for each model.
_DRIVERS = {
    "es1370": "ES1370",
    "ac97": "AC97",
    "ich6": "intel-hda",
    "ich9": "ich9-intel-hda",
    "sb16": "sb16",
    "usb": "usb-audio",
    "virtio": "virtio-sound-pci",
}

#: Cards of which only the codecs speak to a backend.
_WITH_CODECS = ("ich6", "ich9")

_OF_VIRTIO = ("virtio_iommu", "virtio_ats", "virtio_packed", "virtio_page_per_vq")


class SoundCodec(Element):
    """``<codec>``: what an Intel HDA card has on its link."""

    type: Annotated[Literal["duplex", "micro", "output"], At("@type"), Becomes("`hda-duplex`, `hda-micro` …")]


class Sound(VirtioDevice, Audible):
    """A sound card.  ``pcspk``, the PC's speaker, is part of the machine, and told where to sound."""

    element = "sound"
    alias_prefix = "sound"

    model: Annotated[
        Literal["es1370", "ac97", "ich6", "ich9", "sb16", "usb", "virtio", "pcspk"],
        At("@model"),
        Becomes("the device; `pcspk-audiodev` of the machine"),
    ]
    multichannel: Annotated[YesNo | None, At("@multichannel"), Qemu("multi")] = None
    streams: Annotated[PositiveCount | None, At("@streams"), Becomes("`streams`; 2 where it is not given")] = None
    audio: Annotated[PositiveCount | None, At("audio/@id", required=True), Becomes("`audiodev`")] = None
    codecs: Annotated[tuple[SoundCodec, ...], At("codec"), Becomes("a device for each")] = ()
    address: Annotated[Address | None, At("address"), Becomes("where it is plugged in")] = None

    @property
    def audio_number(self) -> int | None:
        """As the XML says."""
        return self.audio

    @property
    def is_usb(self) -> bool:
        """Whether it sits on a USB port."""
        return self.model == "usb"

    def plug(self, target: Target) -> Kinds | None:
        """Conventional PCI, virtio, or none."""
        if self.model == "virtio":
            return Plug.virtio(target)
        return Plug.pci() if self.model in ("es1370", "ac97", "ich6", "ich9") else None

    def chipset_spots(self, number: int, target: Target) -> tuple[tuple[int, int, int], ...]:
        """An ICH9's sound is at 1b on q35, if that is free."""
        return target.family.chipset.sound_spots if self.model == "ich9" else ()

    def rules(self) -> Iterator[Broken]:
        """What belongs to which model."""
        for name, model in (("multichannel", "usb"), ("streams", "virtio")):
            if getattr(self, name) is not None and self.model != model:
                yield Broken(name, f"belongs to model='{model}' alone")
        for name in _OF_VIRTIO if self.model != "virtio" else ():
            if getattr(self, name) is not None:
                yield Broken(name, "belongs to model='virtio' alone")
        if self.codecs and self.model not in _WITH_CODECS:
            yield Broken("codecs", f"model='{self.model}' has no codecs; they belong to ich6 and ich9")
        kinds: dict[str, type[Address] | None] = {"usb": UsbAddress, "sb16": IsaAddress, "pcspk": None}
        kind = kinds.get(self.model, PciAddress)
        if self.address is not None and (kind is None or not isinstance(self.address, kind)):
            yield Broken("address", f"model='{self.model}' has no address of this type")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``, and one for each codec; an HDA card without any gets a duplex one."""
        if self.model == "pcspk":
            return
        identity = Property("id", self.id, self.place())
        has_codecs = self.model in _WITH_CODECS
        speaks = () if has_codecs else tuple(self._audiodev())
        own = tuple(self.properties())
        streams = (Property("streams", self.streams or 2, self.place("streams")),) if self.model == "virtio" else ()
        properties = (
            *(item for item in own if item.name != "multi"),
            identity,
            *speaks,
            *(item for item in own if item.name == "multi"),
            *streams,
            *self.address_properties(target),
        )
        yield options.DeviceOption(_DRIVERS[self.model], properties, self.place("model"))
        if has_codecs:
            for number, codec in enumerate(self.codecs or (SoundCodec(type="duplex", places=self.places),)):
                yield self._codec(number, codec)

    def _audiodev(self) -> Iterator[Property]:
        if self.audiodev is not None:
            yield Property("audiodev", self.audiodev, self.place("audio"))

    def _codec(self, number: int, codec: SoundCodec) -> options.DeviceOption:
        place = codec.place("type")
        properties = (
            Property("id", f"{self.id}-codec{number}", place),
            Property("bus", f"{self.id}.0", place),
            Property("cad", number, place),
            *self._audiodev(),
        )
        return options.DeviceOption(f"hda-{codec.type}", properties, place)


def speaker_properties(devices: Devices) -> Iterator[Property]:
    """``pcspk-audiodev`` of ``-machine``, for the speaker of a PC."""
    for sound in devices.of(Sound):
        if sound.model == "pcspk" and sound.audiodev is not None:
            yield Property("pcspk-audiodev", sound.audiodev, sound.place("model"))


def check_sounds(devices: Devices) -> Check:
    """A machine has one speaker."""
    for first, extra in extras([sound for sound in devices.of(Sound) if sound.model == "pcspk"]):
        message = f"the machine has one speaker, and it is in line {first.place().line}"
        yield Refusal(place=extra.place("model"), message=message)
