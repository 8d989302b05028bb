"""The directory for stand-ins is removed whatever is in it, and nothing outside of it is touched."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from prober.qemu.box.opened import _remove

#: As an ordinary user, where we may become one: root may go everywhere.
_REMOVE = """
import os, sys
from pathlib import Path
from prober.qemu.box.opened import _remove
if os.geteuid() == 0:
    os.setresuid(61234, 61234, 61234)
_remove(Path(sys.argv[1]))
"""


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_directory_that_is_not_there_leaves_its_parent_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    _remove(tmp_path / "none")
    assert _mode(tmp_path) == 0o755


def test_what_is_closed_is_removed_and_what_is_outside_stays() -> None:
    with TemporaryDirectory() as place:  # pytest's own directories are closed to others
        outside, directory = Path(place, "outside"), Path(place, "open", "box")
        outside.mkdir(mode=0o711)
        (outside / "file").touch()
        inner = directory / "inner" / "more"
        inner.mkdir(parents=True)
        (inner / "file").touch()
        (inner / "link").symlink_to(outside)
        if os.geteuid() == 0:
            for path in (directory.parent, directory, *directory.rglob("*")):
                os.chown(path, 61234, 61234, follow_symlinks=False)
            Path(place).chmod(0o711)
        inner.chmod(0)
        directory.chmod(0o500)
        subprocess.run([sys.executable, "-c", _REMOVE, directory], check=True)
        assert not directory.exists()
        assert _mode(outside) == 0o711
        assert (outside / "file").exists()
