"""The element itself, with what it becomes."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Option
from prober.devices.video.emit import emit_video
from prober.devices.video.model import VideoElement
from prober.host.target import Target


class Video(VideoElement):
    """A graphics card.  The first, or that with ``primary='yes'``, is the one that firmware draws on."""

    element = "video"

    def emit(self, target: Target) -> Iterator[Option]:
        """One ``-device``, with the socket of vhost-user-gpu before it."""
        return emit_video(self, target)
