"""The HTML report in a real browser: with and without its script, in both colour schemes, by keyboard and by mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regsync.report.html import render_html
from regsync.report.run import Run
from tests.support.browser import Browser, Page
from tests.support.hostile import NASTY, hostile
from tests.support.reported import DIAGNOSTICS, EVERYTHING, PLANNED, applied, make_run, many

Opening = Callable[..., Page]

VISIBLE = "[...document.querySelectorAll('.change')].filter((each) => each.checkVisibility()).length"
SHOWN = "document.querySelector('output').textContent"
# Contrast by WCAG 2.2: the relative luminance of each text against the nearest ground that is not transparent.
CONTRASTS = """
(() => {
  const paint = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgba(colour).map((each) => each / 255).map((each) => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const words = (element) => [...element.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  return [...document.querySelectorAll("body *:not(script)")].filter((each) => words(each) && each.checkVisibility()).map((each) => {
    const [one, other] = [luminance(getComputedStyle(each).color), luminance(ground(each))].sort((a, b) => b - a);
    return [`${each.tagName} ${each.className} ${each.textContent.slice(0, 20)}`, (one + .05) / (other + .05)];
  });
})()
"""


@pytest.fixture
def opening(browser: Browser, tmp_path: Path) -> Opening:
    """Return a function that opens the page of a run."""

    def opened(run: Run, **how: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text("".join(render_html(run)), encoding="utf-8")
        return Page(browser, file, **how)

    return opened


@pytest.mark.parametrize("run", [PLANNED, applied(), make_run(diagnostics=DIAGNOSTICS), make_run(EVERYTHING)])
def test_it_asks_for_nothing_and_the_browser_has_nothing_to_complain_of(opening: Opening, run: Run) -> None:
    page = opening(run)
    assert [each.partition("://")[0] for each in page.requests] == ["file"]
    assert page.complaints == []


def test_what_somebody_brings_into_it_neither_loads_nor_runs(opening: Opening) -> None:
    page = opening(PLANNED)
    page("document.body.append(Object.assign(new Image(), {src: 'https://example.com/x.png'}))")
    page(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    page("document.body.insertAdjacentHTML('beforeend', '<p id=p onclick=\"window.ran = 1\">x</p>')")
    page("document.getElementById('p').click()")
    assert page("window.ran ?? null") is None
    assert page.failures == ["csp"]
    assert sum("Content Security Policy" in each for each in page.complaints) == 3


@pytest.mark.parametrize("text", NASTY)
def test_hostile_texts_do_nothing(opening: Opening, text: str) -> None:
    page = opening(hostile(text))
    page("document.querySelectorAll('details').forEach((each) => each.open = true)")
    page("document.querySelectorAll('*').forEach((each) => each.click?.())")
    assert len(page.requests) == 1
    assert page.complaints == []


def test_it_can_be_read_without_its_script(opening: Opening) -> None:
    page = opening(PLANNED, script=False)
    assert page("document.getElementById('filters').checkVisibility()") is False
    assert page(VISIBLE) == 14
    assert "5 tries" in page("document.body.innerText")
    page.click(".change summary")
    assert page("document.querySelector('.change').open") is True
    assert "replica" in page("document.querySelector('.change pre').innerText")


def test_filters_narrow_what_is_shown(opening: Opening) -> None:
    page = opening(PLANNED)
    page.click("#filters input[value=delete]")
    assert (page(VISIBLE), page(SHOWN)) == (1, "1 of 14 shown")
    page.click("#filters input[value=blocked]")
    assert page(VISIBLE) == 2
    page.click("#filters input[value=drift]")
    assert (page(VISIBLE), page("document.getElementById('changes').checkVisibility()")) == (0, False)
    page.click("#filters [name=clear]")
    assert (page(VISIBLE), page(SHOWN)) == (14, "14 shown")
    page("document.querySelector('select').value = 'harbor-prod'")
    page("document.querySelector('select').dispatchEvent(new Event('input', {bubbles: true}))")
    assert page(VISIBLE) == 3


def test_search_reads_addresses_values_and_lines_of_files(opening: Opening) -> None:
    page = opening(PLANNED)
    for text, number in (
        ("HARBOR-PROD/team", 2),
        ("podDisruptionBudget", 1),
        ("50gi", 1),
        ("nothing has this", 0),
    ):
        page("document.querySelector('[type=search]').value = ''")
        page("document.querySelector('[type=search]').focus()")
        page.type(text)
        assert (text, page(VISIBLE)) == (text, number)


def test_the_keyboard_is_enough(opening: Opening) -> None:
    page = opening(PLANNED)
    page.press("/")
    page.type("k8s")
    assert page(VISIBLE) == 2
    page("document.querySelector('.change:not([hidden]) summary').focus()")
    page.press("Enter")
    assert page("document.querySelector('.change:not([hidden])').open") is True
    focused = []
    for _ in range(6):
        page.press("Tab")
        focused.append(page("document.activeElement.tagName"))
    assert "SUMMARY" in focused


def test_a_link_opens_what_it_points_to(opening: Opening) -> None:
    page = opening(many(3000))
    target = page("document.querySelector('.urgent a').hash.slice(1)")
    assert page(f"document.getElementById('{target}').checkVisibility()") is False
    page.click(".urgent a")
    page.until(f"document.getElementById('{target}').checkVisibility()")
    assert page(f"document.getElementById('{target}').open") is True
    again = opening(many(3000), fragment=f"#{target}")
    assert again(f"document.getElementById('{target}').open") is True


def test_open_all_and_close_all(opening: Opening) -> None:
    page = opening(PLANNED)
    page.click("[name=open]")
    assert page("document.querySelectorAll('.change[open]').length") == 14
    page.click("[name=close]")
    assert page("document.querySelectorAll('.change[open]').length") == 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("run", [PLANNED, applied(), make_run(diagnostics=DIAGNOSTICS)])
def test_every_text_stands_out_from_its_ground(opening: Opening, run: Run, dark: bool) -> None:
    page = opening(run, dark=dark)
    page("document.querySelectorAll('details').forEach((each) => each.open = true)")
    page("document.querySelectorAll('#filters [type=checkbox]').forEach((each) => each.checked = true)")
    contrasts = page(CONTRASTS)
    assert len(contrasts) > 20
    assert [each for each in contrasts if each[1] < 4.5] == []


def test_the_switch_goes_against_the_scheme_of_the_system(opening: Opening) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = opening(PLANNED), opening(PLANNED, dark=True)
    assert light(ground) != dark(ground)
    dark.click("#theme-light")
    light.click("#theme-dark")
    assert light(ground) != dark(ground)
    assert light("document.getElementById('theme-dark').checked") is True
    light.click("#theme-auto")
    dark.click("#theme-auto")
    assert light("getComputedStyle(document.body).color") != dark("getComputedStyle(document.body).color")


@pytest.mark.parametrize("width", [420, 1280])
@pytest.mark.parametrize("run", [PLANNED, hostile("W" * 200)])
def test_nothing_makes_the_page_wider_than_its_window(opening: Opening, run: Run, width: int) -> None:
    page = opening(run, width=width)
    page("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert page("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("run", [PLANNED, many(300)])
def test_the_contents_need_no_scrolling_sideways(opening: Opening, run: Run) -> None:
    page = opening(run, width=1300)
    assert page("document.querySelector('nav').scrollWidth - document.querySelector('nav').clientWidth") <= 0


def test_on_paper_every_change_is_open(opening: Opening) -> None:
    page = opening(PLANNED)
    page.call("Emulation.setEmulatedMedia", media="print")
    assert "podDisruptionBudget" in page("document.body.innerText")
    assert page("document.getElementById('filters').checkVisibility()") is False


def test_thousands_of_changes_are_found_at_once(opening: Opening) -> None:
    page = opening(many())
    assert page(VISIBLE) == 0  # live registries of hundreds are closed at first
    page.press("/")
    page.type("pack-0123")
    assert (page(VISIBLE), page(SHOWN)) == (10, "10 of 5000 shown")
    page.click("#filters [name=clear]")
    assert (page(VISIBLE), page(SHOWN)) == (0, "5000 shown")
