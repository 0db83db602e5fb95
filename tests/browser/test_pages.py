"""Every page of the built book as a reader meets it: complete without other hosts, legible at every width, accessible."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import BUILD, HTML, Visit

PAGES = sorted(str(path.relative_to(HTML)) for path in HTML.glob("book/*.html"))
CODE = "book/05b_symptoms.html"  # the page with the most kinds of it
WIDTHS = 360, 768, 1440
SHOTS = BUILD / "screenshots"

# How far the page's boxes moved while it loaded, as browsers measure it: nothing that moves after a click counts.
WATCH_SHIFTS = """
window.shift = 0;
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="module", params=PAGES)
def opened(request, context, address):
    """(path, visit) of each page in turn, opened once for all that is asked of it, and scrolled through to its end."""
    visit = Visit(context, address)
    visit.page.add_init_script(WATCH_SHIFTS)
    page = visit.open(request.param)
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    yield request.param, visit
    page.close()


def test_nothing_goes_wrong_while_a_page_loads(opened):
    _, visit = opened
    assert visit.troubles == []


def test_mathematics_is_rendered(opened):
    _, visit = opened
    raw = (
        "[...document.querySelectorAll('.math')].filter(box => !box.querySelector('mjx-container')).map(box => box.textContent)"
    )
    assert visit.page.evaluate(raw) == []
    assert visit.page.locator("mjx-merror").count() == 0


def test_every_picture_is_there_and_described(opened):
    _, visit = opened
    images = "[...document.images].map(image => [image.currentSrc, image.naturalWidth, image.getAttribute('alt')])"
    for source, width, text in visit.page.evaluate(images):
        assert width > 0, source
        assert text is not None, source
    shown = "[...document.querySelectorAll('main .cell_output img, main figure img')]"
    bare = f"{shown}.filter(image => !image.alt.trim() || image.alt.includes('_images')).length"
    assert visit.page.evaluate(bare) == 0


def test_every_figure_has_a_caption(opened):
    _, visit = opened
    bare = (
        "[...document.querySelectorAll('main .cell_output img')].filter(image => !image.closest('figure')?.textContent.trim())"
    )
    assert visit.page.evaluate(f"{bare}.map(image => image.src)") == []


def test_nothing_is_wider_than_the_screen(opened):
    path, visit = opened
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        if width != 768:
            SHOTS.mkdir(parents=True, exist_ok=True)
            name = path.removesuffix(".html").replace("/", "_")
            visit.page.screenshot(path=SHOTS / f"{name}_{width}.jpg", quality=70, full_page=True, animations="disabled")


def test_a_page_is_light_and_holds_still(opened):
    path, visit = opened
    assert visit.weight < (1e6 if path == "book/index.html" else 3e6)
    assert visit.page.evaluate("window.shift") < 0.1  # what web.dev calls good


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, look):
    path, visit = opened
    visit.page.set_viewport_size({"width": 1440, "height": 900})
    choose = "look => { document.documentElement.dataset.mode = document.documentElement.dataset.theme = look }"
    visit.page.evaluate(choose, look)
    # Only the colours change in the dark, and those of code, most of what there is to look at, are the same on all pages.
    again = {} if look == "light" else {"options": {"runOnly": ["color-contrast"]}}
    known = {"context": {"exclude": [[".highlight"]]}} if look == "dark" and path != CODE else {}
    found = Axe().run(visit.page, **again, **known).response["violations"]
    visit.page.evaluate(choose, "light")
    serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert [(violation["id"], [node["html"][:120] for node in violation["nodes"][:3]]) for violation in serious] == []


def test_each_section_has_an_address_of_its_own(opened):
    _, visit = opened
    ids = visit.page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert sorted(ids) == sorted(set(ids))
    sections = "[...document.querySelectorAll('main h2, main h3')].filter(title => !title.closest('[id]')).length"
    assert visit.page.evaluate(sections) == 0
