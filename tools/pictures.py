"""Take the pictures of the pages that stand in the README and in docs/pages.md: ``make pictures``.

Of the recordings that come along and of domains of this checkout, so that they are the same everywhere; the live page
is taken beside a service of the installed QEMU, and an upgrade is rehearsed with those of ``make roots``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page

from tests.browser import start_browser, visit
from tests.conftest import ROOTS
from tests.integration.processes import run_prober, start_service
from tests.integration.ui import start_ui

_ROOT = Path(__file__).parent.parent
PICTURES = _ROOT / "docs" / "pictures"

#: No picture is larger (bytes): they are part of every checkout.
MOST = 150_000
_COLOURS = 128

_CASES = (
    "shape-virt-install", "shape-virt-manager-win11", "shape-vagrant", "hotplug-default-pc-2-9",
    "hyperv-every", "audio-newer",
)  # fmt: skip
_FIXTURES = _ROOT / "fixtures" / "domains"
_WIDE, _PHONE = (1160, 720), (390, 720)


#: What is typed into the live page: this and that is to be said of it, and QEMU starts with it.
_LINE = """qemu-system-x86_64 -machine pc,accel=tcg -no-hpet \\
  -m 256 -smp 2 -nodefaults \\
  -drive file=/srv/vm.qcow2,format=qcow2,if=none,id=disk \\
  -device virtio-blk-pci,drive=disk,queue-size=128,scsi=off \\
  -netdev tap,id=net,ifname=vm0,script=no,downscript=no \\
  -device virtio-net-pci,netdev=net,mac=52:54:00:5a:7b:01 \\
  -chardev socket,id=mon,path=/run/vm.sock,server,nowait \\
  -mon chardev=mon,mode=control
"""


def _domains() -> list[Path]:
    """The two of the README, and some of the cases."""
    cases = (_ROOT / "tests" / "cases" / f"{name}.xml" for name in _CASES)
    return [_FIXTURES / "example.xml", _FIXTURES / "refused.xml", *cases]


def _take(page: Page, name: str) -> None:
    path = PICTURES / f"{name}.png"
    taken = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    # Text on few grounds: a palette holds all that the eye sees of it, in a third of the bytes.
    taken.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(_ROOT)}: {size // 1024} KiB")
    if size > MOST:
        raise SystemExit(f"{path} is larger than {MOST} bytes")


def _take_report(address: str) -> None:
    shots: list[tuple[str, Literal["light", "dark"], tuple[int, int], str, Callable[[Page], object] | None]] = [
        ("domains", "light", _WIDE, "domains?domain=3&qemu=1", None),
        ("types", "dark", _WIDE, "types?q=virtio-net+queue&type=virtio-net-pci", None),
        ("difference", "light", _WIDE, "difference?a=0&b=3", None),
        ("phone", "dark", _PHONE, "domains?domain=1&qemu=2", _at_the_cell),
    ]
    with start_browser() as browser:
        for name, scheme, (width, height), place, then in shots:
            with visit(browser, address, scheme=scheme, width=width, height=height) as made:
                made.go(place)
                made.page.wait_for_timeout(300)
                if then is not None:
                    then(made.page)
                _take(made.page, name)


def _at_the_cell(page: Page) -> None:
    page.evaluate("document.querySelector('.opened').scrollIntoView({ block: 'end' })")


def _take_live(address: str, origin: str) -> None:
    with start_browser() as browser, visit(browser, address, width=_WIDE[0], height=_WIDE[1], own=origin) as made:
        page = made.page
        made.go("try")
        page.get_by_label("Domain XML or command line").fill(_LINE)
        page.locator(".findings li").first.wait_for()
        page.get_by_role("button", name="Prove it").click()
        page.locator(".outcome").wait_for()
        _take(page, "try")


def _take_upgrade(place: Path) -> None:
    """The last step of docs/rehearsal.md, with one domain open."""
    for name, version in (("debian-13", "10.0"), ("forky", "11.1")):
        if not (ROOTS / version).is_dir():
            raise SystemExit("an upgrade is rehearsed between QEMUs in root directories: make roots")
        (place / name).symlink_to(ROOTS / version)
    domains = place / "vms"
    shutil.copytree(_ROOT / "fixtures" / "upgrade", domains)
    words = ("--from", "debian-13", "--to", "forky", "--driven", "--page", "upgrade.html", "--quiet")
    ended = run_prober("upgrade", "vms", *words, cwd=place)
    if not (place / "upgrade.html").is_file():
        raise SystemExit(ended.err)
    with start_browser() as browser:
        address = f"{(place / 'upgrade.html').as_uri()}#/domains?domain=0"
        with visit(browser, address, width=_WIDE[0], height=920) as made:
            made.page.locator(".opened").wait_for()
            made.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
            _take(made.page, "upgrade")


def main() -> None:
    """Take all of them."""
    PICTURES.mkdir(exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="prober-pictures-"))
    try:
        report = place / "report.html"
        bundled = ("--against", "bundled", "--title", "QEMU, as Debian has it", "-o", report)
        ended = run_prober("report", *_domains(), *bundled)
        if ended.code:
            raise SystemExit(ended.err)
        _take_report(report.as_uri())
        _take_upgrade(place)
        qemu = shutil.which("qemu-system-x86_64")
        if qemu is None:
            raise SystemExit("the live page is taken beside a QEMU: make qemu")
        words = ("--directory", place, "--binary", qemu, "--replies", "bundled", "--prover-socket", "")
        with start_service(place / "prober.sock", *words), start_ui(place / "prober.sock", _FIXTURES) as ui:
            _take_live(ui.address, ui.origin)
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
