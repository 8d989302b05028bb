"""Which graphics cards a domain gets, which is the first, and what of them depends on the rest of the domain."""

from __future__ import annotations

from typing import Literal

from prober.commandline.refusal import Refusal
from prober.devices.graphics import Graphics
from prober.devices.video.video import Video
from prober.domain.domain import Domain
from prober.host.target import Target


def complete_videos(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """A card for a domain that has a display and none; the first one in its place, each with its type
    (libvirt 11.3, ``virDomainDefAddImplicitVideo``, ``qemuDomainDefaultVideoDevice``)."""
    videos = list(domain.devices.of(Video))
    if not videos:
        displays = list(domain.devices.of(Graphics))
        videos = [Video(places=displays[0].places)] if displays else []
        if not videos:
            return domain
        domain = domain.with_devices([*domain.devices.every, *videos])
    primaries = [video for video in videos if video.primary]
    for extra in primaries[1:]:
        message = f"a second primary card, the first is in line {primaries[0].place('primary').line}"
        refusals.append(Refusal(place=extra.place("primary"), message=message))
    ordered = [*primaries, *(video for video in videos if not video.primary)]
    kind = _default_type(target)
    completed = []
    for position, video in enumerate(ordered):
        if video.type is None and kind is None:
            message = "<video> needs <model type=…>: this QEMU has neither of the usual cards"
            refusals.append(Refusal(place=video.place(), message=message))
        completed.append(video.replace(type=video.type or kind or "vga", is_first=position == 0))
    # A domain's devices keep the places of their kind in the list; the cards change places among themselves.
    turns = iter(completed)
    return domain.with_devices([next(turns) if isinstance(d, Video) else d for d in domain.devices.every])


def _default_type(target: Target) -> Literal["cirrus", "vga"] | None:
    if target.caps.has("cirrus-vga"):
        return "cirrus"
    return "vga" if target.caps.has("VGA") else None


def check_videos(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Few cards can be a second one, and a card that is none stands alone."""
    videos = list(domain.devices.of(Video))
    for video in videos:
        place = video.place("type")
        if video.type == "none" and len(videos) > 1:
            refusals.append(Refusal(place=place, message="a domain with <model type='none'> has no other card"))
        if video.type in ("vga", "cirrus", "vmvga", "bochs", "ramfb") and not video.is_first:
            hint = "only qxl and virtio can be; or make it the first with primary='yes'"
            refusals.append(Refusal(place=place, message=f"{video.type} cannot be a second card", hint=hint))
        _check_acceleration(video, target, refusals)
        _check_blob(video, domain, refusals)
    return domain


def _check_acceleration(video: Video, target: Target, refusals: list[Refusal]) -> None:
    acceleration = video.acceleration
    if acceleration is None or not acceleration.accel3d or video.type != "virtio" or video.driver == "vhostuser":
        return
    if not any(map(target.caps.has, ("virtio-gpu-pci.virgl", "virtio-gpu-gl-pci", "virtio-vga-gl"))):
        message = "this QEMU draws no 3D: it has neither virtio-vga-gl nor virtio-gpu-gl-pci"
        refusals.append(Refusal(place=acceleration.place("accel3d"), message=message))


def _check_blob(video: Video, domain: Domain, refusals: list[Refusal]) -> None:
    """Memory that the host can map is needed, and QEMU has it of memfd."""
    if not video.blob:
        return
    if domain.memory_backing.source != "memfd":
        hint = "<memoryBacking> needs <source type='memfd'/>"
        refusals.append(Refusal(place=video.place("blob"), message="blob='on' needs memory of memfd", hint=hint))
