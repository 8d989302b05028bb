"""Settings come from a TOML file and from what is put over it; a wrong one is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from prober.errors import ServiceError
from prober.host.files import DEFAULT_FILE
from prober.service.settings import ServiceSettings
from tests.conftest import CHECKOUT


def test_defaults(tmp_path: Path) -> None:
    settings = ServiceSettings.load(overrides={})
    assert settings.socket == Path("/run/prober/prober.sock")
    assert settings.catalog.cache_dir == Path("/var/cache/prober")
    assert settings.mode == 0o660


def test_file_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "prober.toml"
    file.write_text(
        'socket = "/a"\ngroup = "libvirt"\n[catalog]\ndirectories = ["/opt/bin"]\nmax_interviews = 2\n'
        "[catalog.limits]\ntotal_s = 5\n"
    )
    settings = ServiceSettings.load(file, {"socket": "/b", "catalog": {"max_interviews": 3}})
    assert (settings.socket, settings.group) == (Path("/b"), "libvirt")
    assert settings.catalog.directories == (Path("/opt/bin"),)
    assert settings.catalog.max_interviews == 3
    assert settings.catalog.limits.total_s == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("socket = ", "cannot read the settings"),
        ("sokcet = '/a'", "sokcet"),
        ("catalog = 7", "catalog is not a table"),
        ("[catalog]\nmax_interviews = 0", "catalog.max_interviews"),
        ("mode = 0o7777", "mode"),
        ("max_body = 'much'", "max_body"),
        ("\xff", "cannot read the settings"),
    ],
)
def test_wrong_file(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "prober.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ServiceError, match=said):
        ServiceSettings.load(file)


def test_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="cannot read"):
        ServiceSettings.load(tmp_path / "none.toml")


def test_packaged_file_says_the_defaults(tmp_path: Path) -> None:
    """Each commented line of packaging/prober.toml is a setting, and stands at its default."""
    text = (CHECKOUT / "packaging/prober.toml").read_text()
    lines = [line.removeprefix("#") if line[:1] == "#" and line[1:2] != " " else line for line in text.splitlines()]
    told = tomllib.loads("\n".join(lines))
    group = told.pop("group")
    assert group == "prober"
    # Not a default of the settings: without it the same file is read, where it is there.
    assert Path(told.pop("host")) == DEFAULT_FILE
    file = tmp_path / "all.toml"
    file.write_text("\n".join(line for line in lines if not line.startswith(("group", "host"))))
    (tmp_path / "none.toml").write_text("")
    defaults = ServiceSettings.load(tmp_path / "none.toml")
    assert ServiceSettings.load(file) == defaults
    assert ServiceSettings.load(CHECKOUT / "packaging/prober.toml") == defaults
