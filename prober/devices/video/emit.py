"""``<video>`` as QEMU has it (libvirt 11.3, ``qemuBuildDeviceVideoCmd``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline import options
from prober.commandline.options import Need, Passed, Property, Value
from prober.devices.video.model import VideoElement, power_of_two
from prober.host.target import Target

#: The cards that are first ones alone.
_FIRST_ONLY = {
    "vga": "VGA",
    "cirrus": "cirrus-vga",
    "vmvga": "vmware-svga",
    "bochs": "bochs-display",
    "ramfb": "ramfb",
}

#: KiB of memory of cards that do not say how much.
_DEFAULT_RAM = {"vga": 16384, "cirrus": 16384, "vmvga": 16384, "bochs": 16384, "qxl": 65536}
_DEFAULT_VGAMEM = 16384


def emit_video(video: VideoElement, target: Target) -> Iterator[options.Option]:
    """One ``-device``, with the socket of vhost-user-gpu before it."""
    if video.type == "none":
        return
    if video.driver == "vhostuser":
        yield _helper(video)
    driver = driver_of(video, target)
    place = video.place("type")
    # vhost-user-vga gets none of virtio's options from libvirt.
    virtio = video.properties() if video.type == "virtio" and driver != "vhost-user-vga" else iter(())
    properties = (
        *virtio,
        Property("id", video.id, video.place()),
        *_virgl(video, target),
        *_heads(video),
        *_own(video, target),
        *_edid(video),
        *_resolution(video),
        *video.address_properties(target),
    )
    yield options.DeviceOption(driver, properties, place)


def driver_of(video: VideoElement, target: Target) -> str:
    """QEMU's device; what it lacks a VGA-compatible form of is the first card without one
    (``qemuDeviceVideoGetModel``)."""
    assert video.type is not None
    if video.type != "virtio":
        return ("qxl-vga" if video.is_first else "qxl") if video.type == "qxl" else _FIRST_ONLY[video.type]
    has_vga = target.caps.has("vhost-user-vga" if video.driver == "vhostuser" else "virtio-vga")
    first = video.is_first and has_vga
    if video.driver == "vhostuser":
        return "vhost-user-vga" if first else "vhost-user-gpu-pci"
    accelerated = video.acceleration is not None and bool(video.acceleration.accel3d)
    if accelerated and target.caps.has("virtio-vga-gl" if first else "virtio-gpu-gl-pci"):
        return "virtio-vga-gl" if first else "virtio-gpu-gl-pci"
    return "virtio-vga" if first else "virtio-gpu-pci"


def _virgl(video: VideoElement, target: Target) -> Iterator[Property]:
    """3D where it is a property, and not a device of its own (before QEMU 6.1)."""
    acceleration = video.acceleration
    if acceleration is None or acceleration.accel3d is None or video.type != "virtio" or video.driver == "vhostuser":
        return
    if target.caps.has("virtio-gpu-pci.virgl"):
        yield Property("virgl", acceleration.accel3d, acceleration.place("accel3d"))


def _heads(video: VideoElement) -> Iterator[Property]:
    if video.type in ("qxl", "virtio") and video.heads:
        yield Property("max_outputs", video.heads, video.place("heads"))


def _own(video: VideoElement, target: Target) -> Iterator[Property]:
    """What each kind of card has of its own: nearly all of it is how much memory."""
    vram = power_of_two(video.vram or _DEFAULT_RAM.get(video.type or "", 0))
    if video.type == "qxl":
        yield from _qxl_memory(video, vram, target)
    elif video.driver == "vhostuser":
        yield Property("chardev", video.vhost_user_id, video.place("driver"))
    elif video.type in ("vga", "vmvga"):
        if video.vram or target.caps.has("VGA.vgamem_mb" if video.type == "vga" else "vmware-svga.vgamem_mb"):
            yield Property("vgamem_mb", vram // 1024, video.place("vram"))
    elif video.type == "bochs":
        yield Property("vgamem", vram * 1024, video.place("vram"))
    elif video.type == "virtio" and video.blob is not None:
        yield Property("blob", video.blob, video.place("blob"))


def _edid(video: VideoElement) -> Iterator[Property]:
    """libvirt 12.8, asked."""
    if video.edid is not None:
        yield Property("edid", video.edid, video.place("edid"))


def _qxl_memory(video: VideoElement, vram: int, target: Target) -> Iterator[Property]:
    """QXL has memory of four kinds; the later two are said where the binary knows them, or the domain asks."""
    ram = power_of_two(video.ram or _DEFAULT_RAM["qxl"])
    yield Property("ram_size", ram * 1024, video.place("ram"))
    yield Property("vram_size", vram * 1024, video.place("vram"))
    if video.vram64 or target.caps.has("qxl.vram64_size_mb"):
        yield Property("vram64_size_mb", (video.vram64 or 0) // 1024, video.place("vram64"))
    if video.vgamem or target.caps.has("qxl.vgamem_mb"):
        yield Property("vgamem_mb", (video.vgamem or _DEFAULT_VGAMEM) // 1024, video.place("vgamem"))


def _resolution(video: VideoElement) -> Iterator[Property]:
    resolution = video.resolution
    if resolution is not None:
        yield Property("xres", resolution.x, resolution.place("x"))
        yield Property("yres", resolution.y, resolution.place("y"))


def _helper(video: VideoElement) -> options.Keyval:
    """The socket to vhost-user-gpu, which libvirt starts, and whose descriptor it passes on
    (``qemuExtVhostUserGPUStart``)."""
    words = ["vhost-user-gpu"]
    acceleration = video.acceleration
    if acceleration is not None and acceleration.accel3d:
        words.append("--virgl")
    if acceleration is not None and acceleration.rendernode is not None:
        words.append(f"--render-node={acceleration.rendernode}")
    todo = f"start {' '.join(words)} with --fd=… of one end of a socket pair, and pass the other end"
    place = video.place("driver")
    pairs: list[tuple[str, Value]] = [
        ("id", video.vhost_user_id),
        ("fd", Passed(Need("vhost-user-gpu", video.id, todo))),
    ]
    return options.Keyval("-chardev", "socket", tuple(Property(name, value, place) for name, value in pairs), place)
