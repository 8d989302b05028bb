"""``<audio>``: where the guest's sound goes to on the host, and which backend a domain gets that names none."""

from prober.domain.devices.audio.defaults import add_audio, audio_of, connect_audio
from prober.domain.devices.audio.model import Audio, AudioStream

__all__ = ["Audio", "AudioStream", "add_audio", "audio_of", "connect_audio"]
