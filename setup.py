"""What pyproject.toml has no words for: a wheel carries the recordings, whose home is ``fixtures/replies``."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_SOURCE = Path("fixtures/replies")
#: Where prober/qemu/bundled.py looks for them.
_TARGET = Path("prober/replies")


class BuildWithRecordings(build_py):
    """As ``build_py``; an editable install finds them in the checkout."""

    def run(self) -> None:
        """Copy them beside the modules.

        :raise FileNotFoundError: where there is none: a wheel without them would not do what it says.
        """
        super().run()
        if self.editable_mode:
            return
        found = sorted(_SOURCE.glob("*.replies.xz"))
        if not found:
            raise FileNotFoundError(f"there are no recordings in {_SOURCE}")
        target = Path(self.build_lib) / _TARGET
        self.mkpath(str(target))
        for path in found:
            self.copy_file(str(path), str(target / path.name))


setup(cmdclass={"build_py": BuildWithRecordings})
