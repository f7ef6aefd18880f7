"""Pages of a history that has some of everything, and a real browser to look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from moor.history.database import connected
from moor.history.reading import History
from moor.output.pages.render import page
from moor.output.pages.view import FleetView, read_view
from moor.settings import SiteSettings
from tests.output.pages.filled import NOW, fill

Show = Callable[..., WebDriver]


def view_of(settings: SiteSettings) -> FleetView:
    with connected(settings, writing=False) as connection:
        return read_view(History(connection), NOW, 90, 30)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> SiteSettings:
    place = tmp_path_factory.mktemp("fleet")
    made = SiteSettings.at(place, state=place / "state")
    fill(made, 8, 60)
    return made


@pytest.fixture(scope="session")
def written(settings: SiteSettings) -> Path:
    """Return the page, as a file."""
    path = settings.directory / "report.html"
    path.write_text(page(view_of(settings), "registry-fleet"))
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[WebDriver]:
    """Debian's Chromium, headless; it reaches nothing but this machine."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--proxy-server=127.0.0.1:9",
    ):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.fixture
def show(browser: WebDriver, written: Path) -> Show:
    """Load the page at a width, in a colour scheme."""

    def load(width: int = 1200, dark: bool = False, url: str = "") -> WebDriver:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for kind in ("browser", "performance"):
            browser.get_log(kind)  # type: ignore[no-untyped-call]  # selenium leaves it without types
        browser.get(url or f"file://{written}")
        return browser

    return load
