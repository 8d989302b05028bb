"""The rows of the options, by their flags; a disk image by itself has none."""

from __future__ import annotations

from collections.abc import Mapping

from prober.proof.row import KEPT, StandInRow

OPTIONS: Mapping[str, StandInRow] = {"-nodefaults": KEPT}
