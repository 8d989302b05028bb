"""The host's settings as a file: what is read, and how what is wrong with it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prober.errors import UsageError
from prober.host.files import read_host
from prober.host.host import Host, Settings
from prober.service.configuration import environment_name, setting_keys
from tools.settings_page import PAGE, render_page


def test_what_the_file_says_stands_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text('cdroms = ["/dev/sr7"]\n[settings]\nstate_directory = "/state"\n')
    host = read_host(file)
    assert (host.cdroms, host.settings.state_directory) == (("/dev/sr7",), "/state")
    assert host.settings.stdio_handler == Host().settings.stdio_handler


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[settings]\nvnc_lisen = 'x'\n", "settings.vnc_lisen"),
        ("[settings]\nstate_directory = 7\n", "settings.state_directory"),
        ("[settings\n", "cannot read"),
        ("#" * (1 << 20) + "\n", "larger than"),
        (b"\xff", "cannot read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | bytes, words: str) -> None:
    file = tmp_path / "host.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=words):
        read_host(file)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_host(tmp_path / "none.toml")


def test_the_firmware_is_what_is_installed(tmp_path: Path) -> None:
    place = tmp_path / "usr/share/qemu/firmware"
    place.mkdir(parents=True)
    mapping = {"device": "memory", "filename": "/bios.bin"}
    targets = [{"architecture": "x86_64", "machines": ["pc-*"]}]
    told = {"interface-types": ["bios"], "mapping": mapping, "targets": targets, "features": [], "tags": []}
    (place / "50-bios.json").write_text(json.dumps({"description": "BIOS", **told}))
    file = tmp_path / "host.toml"
    file.write_text("")
    assert len(read_host(file, root=tmp_path).firmware) == 1
    file.write_text("firmware = []\n")
    assert read_host(file, root=tmp_path).firmware == ()


def test_the_document_says_what_the_models_say() -> None:
    page = PAGE.read_text()
    assert render_page(page) == page, "run `make docs`"


def test_every_setting_is_explained() -> None:
    page = PAGE.read_text().partition("# The service's own settings")[0]
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > len(Settings.model_fields)
    models = (Settings, Host)
    named = {name for model in models for name in model.model_fields} - {"settings"}
    explained = {key.strip(" `") for key, _, words in rows if words.strip()}
    assert named - explained == {"state_directory"}, "state_directory is explained above its table"


def test_every_setting_of_the_service_is_explained() -> None:
    page = PAGE.read_text().partition("# The service's own settings")[2]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:5]] for line in page.splitlines() if line.startswith("| `")]
    assert {variable for _, variable, _, _ in rows} == {environment_name(key) for key in setting_keys()}
    assert [key for key, _, default, words in rows if not (default and words)] == []


def test_the_example_of_the_document_is_read(tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text(PAGE.read_text().partition("```toml\n")[2].partition("```")[0])
    assert read_host(file).settings.vnc_tls
