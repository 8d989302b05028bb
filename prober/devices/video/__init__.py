"""``<video>``: graphics cards, and which one a domain gets that names none."""

from prober.devices.video.video import Video

__all__ = ["Video"]
