"""Files of ``-readconfig``: the command reads them, and tells of what is in them by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.cli.config_files import expand_words, expand_xml
from tests.unit.cli.conftest import Run

FILE = """\
[device "v0"]
  driver = "VGA"
  {key} = "on"
"""

XML = """\
<domain type='qemu' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>configured</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><controller type='usb' model='none'/><video><model type='none'/></video><memballoon model='none'/></devices>
  <q:commandline>
    <q:arg value='-readconfig'/>
    <q:arg value='{file}'/>
    <q:arg value='-device'/><q:arg value='e1000,mak=1'/>
  </q:commandline>
</domain>"""

REPLIES = ("--replies", "qemu-7.2")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "vm.cfg"
    path.write_text(FILE.format(key="edid"))
    return path


def test_words_get_the_options_of_the_file_in_its_place(config: Path) -> None:
    found = expand_words(["q", "-S", "--readconfig", str(config), "-nodefaults"])
    assert found.words == ["q", "-S", "-device", "id=v0,driver=VGA,edid=on", "-nodefaults"]
    told = found.put_back([{"position": 3, "message": "no"}, {"position": 4}, {"position": 0, "more": {"position": 1}}])
    assert told == [
        {"position": 2, "message": f"{config}:1: no"},
        {"position": 4},
        {"position": 0, "more": {"position": 1}},
    ]


def test_a_file_that_is_not_here_stays(tmp_path: Path) -> None:
    words = ["q", "-readconfig", str(tmp_path / "none"), "-S"]
    assert expand_words(words).words == words
    assert expand_words(["q", "-readconfig"]).words == ["q", "-readconfig"]
    xml = XML.format(file=tmp_path / "none").encode()
    assert expand_xml(xml) == xml


def test_a_domain_keeps_its_lines(config: Path) -> None:
    expanded = expand_xml(XML.format(file=config).encode()).decode()
    assert expanded.splitlines()[6] == ('    <q:arg value="-device"/><q:arg value="id=v0,driver=VGA,edid=on"/>')
    assert expanded.count("\n") == XML.count("\n")


@pytest.mark.slow
def test_the_check_looks_into_the_file(run: Run, config: Path) -> None:
    line = ("--", "q", "-nodefaults", "-readconfig", config, "-vga", "none")
    assert run("check-argv", *REPLIES, *line).out.strip() == ""
    config.write_text(FILE.format(key="eddi"))
    ended = run("check-argv", *REPLIES, *line)
    assert ended.code == 3
    assert ended.out.startswith(f"2: -device eddi: error: {config}:1: QEMU 7.2.22 has no VGA.eddi")
    config.write_text("driver = 1")
    assert run("check-argv", *REPLIES, *line).code == 2


@pytest.mark.slow
def test_a_translation_has_the_options_themselves(run: Run, config: Path, tmp_path: Path) -> None:
    path = tmp_path / "vm.xml"
    path.write_text(XML.format(file=config))
    ended = run("translate", path, *REPLIES)
    assert (ended.code, ended.err.split(":")[1]) == (3, "9"), "what is wrong is told of its own line"
    path.write_text(XML.format(file=config).replace("mak=1", "id=n"))
    argv = run("translate", path, *REPLIES, "--json").json["argv"]
    assert argv[argv.index("id=v0,driver=VGA,edid=on") - 1] == "-device"
    assert "-readconfig" not in argv
