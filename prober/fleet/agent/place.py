"""Where an agent that systemd started says how it is."""

from __future__ import annotations

from pathlib import Path

#: Its unit's runtime directory.
DEFAULT_STATUS = Path("/run/prober-agent/status.json")
