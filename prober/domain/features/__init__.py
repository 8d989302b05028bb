"""``<features>``: what the machine has beyond its devices."""

from prober.domain.features.model import Features

__all__ = ["Features"]
