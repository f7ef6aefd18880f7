"""The page in a real browser: nothing from the network, any width, both schemes, by keyboard."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from moor.output.pages.render import page
from moor.settings import SiteSettings
from tests.output.pages.conftest import Show, view_of
from tests.output.pages.filled import fill

# Relative luminance and contrast. Source: WCAG 2.2, definitions.
CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
const low = [];
for (const e of document.querySelectorAll("body *:not(script):not(svg):not(svg *)")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.checkVisibility()) continue;
  const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.push(`${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
}
return low;
"""  # noqa: E501


def visible(browser: WebDriver, selector: str) -> list[str]:
    return [found.text for found in browser.find_elements(By.CSS_SELECTOR, selector) if found.is_displayed()]


def events(browser: WebDriver, method: str) -> list[dict[str, Any]]:
    entries = browser.get_log("performance")  # type: ignore[no-untyped-call]
    told = [json.loads(entry["message"])["message"] for entry in entries]
    return [event["params"] for event in told if event["method"] == method]


def test_the_page_loads_nothing_and_the_browser_logs_no_error(show: Show) -> None:
    browser = show()
    asked = [event["request"]["url"] for event in events(browser, "Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_output_of_a_host_is_text_and_not_run_as_script(show: Show) -> None:
    browser = show()
    assert browser.title == "registry-fleet: fleet"
    assert "<script>document.title='taken'</script>" in browser.find_element(By.ID, "findings").find_element(
        By.XPATH, ".."
    ).get_attribute("textContent")  # type: ignore[operator]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast(show: Show, dark: bool) -> None:
    browser = show(dark=dark)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.execute_script(CONTRAST) == []
    browser.execute_script("document.querySelector('h1').style.color = getComputedStyle(document.body).backgroundColor")
    assert [line[:2] for line in browser.execute_script(CONTRAST)] == ["H1"]


def test_the_schemes_differ(show: Show) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    assert show(dark=False).execute_script(colour) != show(dark=True).execute_script(colour)


@pytest.mark.parametrize("width", [320, 360, 768, 1600])
def test_the_page_does_not_scroll_sideways_at_any_width(show: Show, width: int) -> None:
    browser = show(width)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_causes_diffs_and_remedies_are_seen_without_unfolding(show: Show) -> None:
    browser = show()
    shown = " ".join(visible(browser, "section[aria-labelledby=findings] .diff"))
    assert "10.99.0.9 registry.moor.test registry" in shown
    assert "Mend: moor onboard node99" in visible(browser, ".finding .mend")
    assert "the name resolves to 10.99.0.9" in visible(browser, "section[aria-labelledby=verify] .what")
    assert "Mend: moor apply names --limit node3" in visible(browser, "section[aria-labelledby=verify] .mend")


def test_the_changes_of_a_run_unfold_by_keyboard_and_stand_side_by_side_on_a_wide_screen(show: Show) -> None:
    browser = show(1440)
    assert visible(browser, ".change") == []
    browser.find_element(By.CSS_SELECTOR, ".runs summary").send_keys(Keys.ENTER)
    assert "edit:/etc/hosts#names\nnode[1-8]" in visible(browser, ".change")[0]
    style = "getComputedStyle(document.querySelector('.change .r:has(del + ins)'))"
    columns = f"return {style}.gridTemplateColumns.split(' ').length"
    assert browser.execute_script(columns) == 1
    browser.find_element(By.ID, "split").send_keys(Keys.SPACE)
    assert browser.execute_script(columns) == 2


def test_a_link_leads_to_a_finding_or_says_that_it_is_gone(show: Show, written: Path) -> None:
    browser = show()
    link = browser.find_element(By.CSS_SELECTOR, "[aria-label='Link to node:node99']").get_attribute("href")
    assert link
    browser = show(url=link)
    assert visible(browser, ":target h3") == ["node:node99 #"]
    run = browser.find_element(By.CSS_SELECTOR, ".runs li:has(details)").get_attribute("id")
    browser.execute_script("location.hash = arguments[0]", run)
    WebDriverWait(browser, 10).until(lambda found: visible(found, ".change"))
    show(url=f"file://{written}#finding-none-000000")
    assert "not on this page any more" in browser.find_element(By.ID, "told").text


def test_a_tile_leads_to_what_is_wrong_with_its_host(show: Show) -> None:
    browser = show()
    browser.find_element(By.CSS_SELECTOR, "#host-node5 a").click()
    assert visible(browser, ":target .where") == ["node5"]


def test_the_first_tab_stop_skips_to_the_findings(show: Show) -> None:
    browser = show()
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to findings"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "findings"


def test_words_and_states_filter_hosts_and_findings(show: Show) -> None:
    browser = show()
    assert len(visible(browser, ".tile")) == 8
    browser.find_element(By.ID, "words").send_keys("node4")
    assert [text.split("\n")[0] for text in visible(browser, ".tile")] == ["! node4"]
    assert [text.split(" ")[0] for text in visible(browser, "section[aria-labelledby=findings] .finding h3")] == [
        "requirement:clock",
        "edit:/etc/hosts#names",
    ]
    assert [text.split(" ")[0] for text in visible(browser, ".proofs tbody tr")] == ["node4"]
    assert "4 of" in browser.find_element(By.ID, "told").text
    browser.find_element(By.CSS_SELECTOR, "[value=failed]").send_keys(Keys.SPACE)
    assert visible(browser, ".tile") == []


def test_2000_hosts_are_found_by_name_though_the_page_names_them_folded(show: Show, tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    fill(settings, 2000, 3)
    path = tmp_path / "report.html"
    path.write_text(page(view_of(settings), "registry-fleet"))
    browser = show(url=f"file://{path}")
    browser.find_element(By.ID, "words").send_keys("node1777")
    assert [text.split("\n")[0] for text in visible(browser, ".tile")] == ["~ node1777"]
    assert [text.split(" ")[0] for text in visible(browser, ".finding h3")] == ["service:docker"]
    assert visible(browser, ".proofs tbody th") == ["node[1-2,4,6-2000] 1998 hosts"]


def test_without_scripts_only_the_filter_is_missing(show: Show) -> None:
    browser = show()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show()
        assert len(visible(browser, ".tile")) == 8
        assert visible(browser, "form") == []
        assert "Mend: moor onboard node99" in visible(browser, ".finding .mend")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_screen_reader_finds_landmarks_headings_in_order_and_a_name_for_everything(show: Show) -> None:
    browser = show()
    levels = [int(found.tag_name[1]) for found in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]}
    roles = {role for role, _ in named}
    assert {"main", "banner", "contentinfo", "search"} <= roles
    assert not {
        role for role, name in named if not name and role in ("image", "checkbox", "searchbox", "region", "link")
    }


def test_a_state_is_a_word_and_a_sign_and_never_colour_alone(show: Show) -> None:
    words = [found.text for found in show().find_elements(By.CSS_SELECTOR, ".sums li")]
    assert words == ["4\n✓ as it should be", "2\n~ drift", "1\n! failed", "1\n? not examined"]
