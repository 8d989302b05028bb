"""``<os>``: what machine it is, and what boots on it."""

from prober.domain.os.model import Os

__all__ = ["Os"]
