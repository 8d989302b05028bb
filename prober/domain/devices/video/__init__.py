"""``<video>``: graphics cards, and which one a domain gets that names none."""

from prober.domain.devices.video.complete import check_videos, complete_videos
from prober.domain.devices.video.model import Video

__all__ = ["Video", "check_videos", "complete_videos"]
