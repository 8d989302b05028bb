"""Which graphics cards a domain gets, which is the first, and what of them depends on the rest of the domain."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Literal

from prober.commandline.refusal import Refusal
from prober.devices.graphics import Graphics
from prober.devices.video.video import Video
from prober.domain.domain import Domain
from prober.domain.memory import MemoryBacking
from prober.domain.shared.devices import Devices
from prober.domain.shared.twins import extras
from prober.domain.steps import Check, Completion
from prober.host.target import Target


def complete_videos(domain: Domain, target: Target) -> Completion:
    """A card for a domain that has a display and none; the first one in its place, each with its type
    (libvirt 11.3, ``virDomainDefAddImplicitVideo``, ``qemuDomainDefaultVideoDevice``)."""
    domain = _with_card(domain)
    ordered = yield from _primary_first(domain.devices.of(Video))
    kind = _default_type(target)
    completed = []
    for position, video in enumerate(ordered):
        if video.type is None and kind is None:
            message = "<video> needs <model type=…>: this QEMU has neither of the usual cards"
            yield Refusal(place=video.place(), message=message)
        completed.append(video.replace(type=video.type or kind or "vga", is_first=position == 0))
    # A domain's devices keep the places of their kind in the list; the cards change places among themselves.
    return domain.with_all(Video, completed)


def _with_card(domain: Domain) -> Domain:
    """With a card, if there is a display and none; it stands where the display does."""
    displays = domain.devices.of(Graphics)
    if domain.devices.of(Video) or not displays:
        return domain
    return domain.with_devices([*domain.devices.every, Video(places=displays[0].places)])


def _primary_first(videos: Sequence[Video]) -> Generator[Refusal, None, list[Video]]:
    """The primary card before the others; there is one at most."""
    primaries = [video for video in videos if video.primary]
    for first, extra in extras(primaries):
        message = f"a second primary card, the first is in line {first.place('primary').line}"
        yield Refusal(place=extra.place("primary"), message=message)
    return [*primaries, *(video for video in videos if not video.primary)]


def _default_type(target: Target) -> Literal["cirrus", "vga", "virtio"] | None:
    if target.family.defaults.video == "virtio":
        return "virtio"
    if target.caps.has("cirrus-vga"):
        return "cirrus"
    return "vga" if target.caps.has("VGA") else None


def check_videos(devices: Devices, backing: MemoryBacking, target: Target) -> Check:
    """Few cards can be a second one, and a card that is none stands alone."""
    videos = devices.of(Video)
    for video in videos:
        place = video.place("type")
        if video.type == "none" and len(videos) > 1:
            yield Refusal(place=place, message="a domain with <model type='none'> has no other card")
        if video.type in ("vga", "cirrus", "vmvga", "bochs", "ramfb") and not video.is_first:
            hint = "only qxl and virtio can be; or make it the first with primary='yes'"
            yield Refusal(place=place, message=f"{video.type} cannot be a second card", hint=hint)
        yield from _check_acceleration(video, target)
        yield from _check_blob(video, backing)


def _check_acceleration(video: Video, target: Target) -> Check:
    acceleration = video.acceleration
    if acceleration is None or not acceleration.accel3d or video.type != "virtio" or video.driver == "vhostuser":
        return
    if not any(map(target.caps.has, ("virtio-gpu-pci.virgl", "virtio-gpu-gl-pci", "virtio-vga-gl"))):
        message = "this QEMU draws no 3D: it has neither virtio-vga-gl nor virtio-gpu-gl-pci"
        yield Refusal(place=acceleration.place("accel3d"), message=message)


def _check_blob(video: Video, backing: MemoryBacking) -> Check:
    """Memory that the host can map is needed, and QEMU has it of memfd."""
    if video.blob and backing.source != "memfd":
        hint = "<memoryBacking> needs <source type='memfd'/>"
        yield Refusal(place=video.place("blob"), message="blob='on' needs memory of memfd", hint=hint)
