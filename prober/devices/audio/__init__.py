"""``<audio>``: where the guest's sound goes to on the host, and which backend a domain gets that names none."""

from prober.devices.audio.model import Audio, AudioStream

__all__ = ["Audio", "AudioStream"]
