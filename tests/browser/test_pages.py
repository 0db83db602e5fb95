"""Every page of the built book as a reader meets it: complete without other hosts, legible at every width, accessible."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import BUILD, HTML, Visit

PAGES = [*sorted(str(path.relative_to(HTML)) for path in HTML.glob("book/*.html")), "search.html?q=dropout"]
WIDTHS = 360, 768, 1440
STRETCHED = "image => Math.abs(image.width / image.height * image.naturalHeight / image.naturalWidth - 1) > 0.05"
SHOTS = BUILD / "screenshots"

# How far the page's boxes moved while it loaded and was scrolled, as browsers measure it: nothing that moves after a click
# counts, nor the list of sections beside the text, which unfolds where one reads.
WATCH_SHIFTS = """
window.shift = 0;
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
        const meant = entry.sources.every(source => source.node?.parentElement?.closest(".bd-sidebar-secondary"));
        if (!entry.hadRecentInput && !meant) window.shift += entry.value;
    }
}).observe({type: "layout-shift", buffered: true});
"""
SCROLL = """async () => {
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
        scrollTo(0, y);
        await new Promise(requestAnimationFrame);
    }
    scrollTo(0, 0);
}"""
UNFOLD = """() => {
    document.querySelectorAll("main details").forEach(box => box.open = true);
    document.querySelectorAll("main button.toggle-button[aria-expanded=false]").forEach(button => button.click());
}"""
# Of a page's thousands of coloured words of code, one of each colour and ground is left, which is all that there is to look at.
THIN = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll("div.highlight pre span")) {
        const kind = word.className + " in " + word.closest("div.highlight").parentElement.className;
        if (seen.has(kind)) word.replaceWith(...word.childNodes);
        seen.add(kind);
    }
    document.querySelectorAll("pre").forEach(code => code.normalize());
}"""


@pytest.fixture(scope="module", params=PAGES)
def opened(request, context, address):
    """(path, visit) of each page in turn, opened once for all that is asked of it: scrolled to its end, then unfolded."""
    visit = Visit(context, address)
    visit.page.add_init_script(WATCH_SHIFTS)
    page = visit.open(request.param)
    page.evaluate(SCROLL)
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.wait_for_load_state("networkidle")  # widgets load as they come near
    visit.shift = page.evaluate("window.shift")
    page.evaluate(UNFOLD)
    yield request.param, visit
    page.close()


def test_nothing_goes_wrong_while_a_page_loads(opened):
    _, visit = opened
    assert visit.troubles == []


def test_a_page_takes_nothing_from_elsewhere(opened):
    path, visit = opened
    head = (HTML / path.partition("?")[0]).read_text(encoding="utf-8").partition("</head>")[0]
    policy = head.index('<meta http-equiv="Content-Security-Policy" content="default-src \'self\';')
    assert "<script" not in head[:policy]  # or it would not be bound by it
    assert visit.refusal() == "https://elsewhere.invalid/planted.js"


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
    # Its place is kept free before it comes: its sides are written down, in the proportion that they have.
    unkept = f"{shown}.filter(image => !image.getAttribute('width') || !image.getAttribute('height') || ({STRETCHED})(image))"
    assert visit.page.evaluate(f"{unkept}.map(image => image.src)") == []


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
        too_wide = "box => box.querySelector('mjx-math').offsetWidth > box.clientWidth + 1"
        cut = "box => getComputedStyle(box).overflowX == 'hidden'"
        formulas = f"[...document.querySelectorAll('main .math')].filter({too_wide}).filter({cut})"
        assert visit.page.evaluate(f"{formulas}.map(box => box.textContent)") == []
        pictures = f"[...document.querySelectorAll('main img')].filter(image => image.naturalWidth).filter({STRETCHED})"
        assert visit.page.evaluate(f"{pictures}.map(image => image.src)") == []
        if width != 768:
            SHOTS.mkdir(parents=True, exist_ok=True)
            name = path.partition(".html")[0].replace("/", "_")
            visit.page.screenshot(path=SHOTS / f"{name}_{width}.jpg", quality=70, full_page=True, animations="disabled")


def test_a_page_is_light_and_holds_still(opened):
    path, visit = opened
    assert visit.weight < (1e6 if path == "book/index.html" else 3e6)
    if not path.startswith("search"):  # whose results come after it, and move what is below
        assert visit.shift < 0.1  # what web.dev calls good


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, look):
    _, visit = opened
    visit.page.set_viewport_size({"width": 1440, "height": 900})
    visit.page.evaluate(THIN)
    choose = "look => { document.documentElement.dataset.mode = document.documentElement.dataset.theme = look }"
    visit.page.evaluate(choose, look)
    only_colors = {"options": {"runOnly": ["color-contrast"]}} if look == "dark" else {}  # nothing else changes
    found = Axe().run(visit.page, **only_colors).response["violations"]
    visit.page.evaluate(choose, "light")
    serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert [(violation["id"], [node["html"][:120] for node in violation["nodes"][:3]]) for violation in serious] == []


def test_each_section_has_an_address_of_its_own(opened):
    _, visit = opened
    ids = visit.page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert sorted(ids) == sorted(set(ids))
    sections = "[...document.querySelectorAll('article section > :is(h2, h3)')].map(title => title.parentElement.id)"
    assert [name for name in visit.page.evaluate(sections) if re.fullmatch(r"(id\d*)?", name)] == []  # id7: a number by chance


def test_a_chapter_has_its_times_its_buttons_and_its_neighbors(opened):
    path, visit = opened
    name = Path(path).stem
    if not (HTML / "_sources" / "book" / f"{name}.ipynb").is_file():
        return
    facts = visit.page.locator(".chapter-facts")
    assert re.match(r"\d+ min to read, \d+ min to run", facts.inner_text())
    notebook = visit.page.get_by_role("link", name="Open in Colab").get_attribute("href")
    assert notebook.startswith("https://colab.research.google.com/github/")
    assert notebook.endswith(f"/book/{name}.ipynb")
    assert visit.page.get_by_role("link", name="Download the notebook").get_attribute("href").endswith(f"/book/{name}.ipynb")
    assert visit.page.locator(".prev-next-area a.left-prev").is_visible()
    assert visit.page.locator(".prev-next-area a.right-next").is_visible()
