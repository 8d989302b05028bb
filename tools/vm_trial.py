"""The last process of the virtual machine of ``tools/vm_test.py``: takes all steps, and says how each went."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path

from tools.vm_inside import STEPS, run

#: In this order; each has its steps, in the order of the file.  The last one removes prober.
_MODULES = ("tools.vm_trial_service", "tools.vm_trial_fleet", "tools.vm_trial_prover", "tools.vm_trial_package")


def main() -> None:
    """Take all steps, and say on the console how each went."""
    for module in _MODULES:
        importlib.import_module(module)
    console = Path("/dev/ttyS0").open("w", encoding="utf-8")  # noqa: SIM115 - until the machine is off
    for work in STEPS:
        began, ok = time.monotonic(), True
        try:
            said = work()
        except Exception as error:  # noqa: BLE001 - told, and the next step is taken
            ok, said = False, f"{type(error).__name__}: {error}"
        told = {"name": work.__name__, "ok": ok, "seconds": time.monotonic() - began, "said": said[:3000]}
        print(f"\n@@ {json.dumps(told)}", file=console, flush=True)
    log = run("journalctl", "-u", "prober*", "-u", "nats-server", "-o", "cat", "--no-pager")
    print(log, file=console, flush=True)
    last = {"name": "end", "ok": True, "seconds": 0.0, "said": ""}
    print(f"\n@@ {json.dumps(last)}", file=console, flush=True)


if __name__ == "__main__":
    main()
