"""What a reader does with the book: search, unfold, copy, switch to dark, move by keyboard, download, open from disk, print."""

import re
from urllib.parse import quote

import nbformat
import pytest

from .conftest import HTML, Visit

CHAPTER = "book/01_neural_networks.html"


def search(visit, words):
    """The titles that the book's own search finds for some words, best first."""
    page = visit.open(f"search.html?q={words}")
    page.wait_for_selector("#search-results li")
    page.wait_for_load_state("networkidle")  # each result fetches the lines around its words
    return page.locator("#search-results li a").all_text_contents()


def test_search_finds_the_entry_of_every_error(visit):
    errors = re.findall(r"^### `(.+)`$", (HTML.parents[1] / "book" / "text" / "09b_symptoms.md").read_text(), re.M)
    assert len(errors) > 15
    missed = [error for error in errors if f"Symptoms > {error}" not in search(visit, quote(error))[:2]]
    assert missed == []
    assert visit.troubles == []


def test_search_is_reached_by_keyboard(visit):
    page = visit.open(CHAPTER)
    page.keyboard.press("Control+k")
    page.keyboard.type("dropout")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li")


def test_there_is_one_search_box(visit):
    page = visit.open(CHAPTER)
    assert page.locator("button.search-button__button:visible, input[type=search]:visible").count() == 1


def test_the_code_of_a_solution_opens_and_closes(visit):
    page = visit.open(CHAPTER)
    solution = page.locator("details", has=page.get_by_text("Show the solution")).first
    code = solution.locator(".cell_input")
    for shown in (False, True, False):
        assert code.is_visible() is shown
        solution.locator("summary").focus()
        page.keyboard.press("Enter")


def test_the_text_of_a_solution_opens_and_closes(visit):
    page = visit.open(CHAPTER)
    solution = page.locator("div.solution").first
    button, text = solution.locator("button.toggle-button"), solution.locator("p:not(.admonition-title)").first
    assert "Solution" in button.get_attribute("aria-label")
    for shown in (False, True, False):
        assert text.is_visible() is shown
        button.focus()
        page.keyboard.press("Enter")


def test_code_can_be_copied(visit, context, address):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = visit.open(CHAPTER)
    cell = page.locator("div.cell_input:visible").first
    cell.hover()
    cell.locator("button.copybtn").click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.length > 10)")
    assert page.evaluate("navigator.clipboard.readText()").strip() in cell.inner_text()


def test_dark_and_light_can_be_chosen(visit):
    page = visit.open(CHAPTER)
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = set()
    for _ in range(3):  # light, dark, as the machine is
        page.locator("button.theme-switch-button:visible").first.click()
        page.wait_for_timeout(100)
        seen.add((page.evaluate("document.documentElement.dataset.theme"), page.evaluate(ground)))
    assert len(seen) == 2


def test_the_download_is_the_notebook(visit):
    page = visit.open(CHAPTER)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    assert download.value.suggested_filename == "01_neural_networks.ipynb"
    notebook = nbformat.read(download.value.path(), 4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)


CONTROLS = """[...document.querySelectorAll("a[href], button, input, summary")].filter(box => box.checkVisibility(
    {visibilityProperty: true}) && box.tabIndex >= 0 && !box.disabled && !box.closest("[inert]")
    && !box.matches("input[type=radio]:not(:checked)"))"""  # the arrow keys reach the others of a group
SEEN = """() => {
    const box = document.activeElement, {top, bottom, width, height} = box.getBoundingClientRect();
    box.wasThere = true;
    return width > 0 && height > 0 && bottom > 0 && top < innerHeight;
}"""


@pytest.mark.parametrize("width", [360, 1440])
def test_the_tab_key_reaches_every_control_and_shows_where_it_is(visit, width):
    page = visit.open(CHAPTER)
    page.set_viewport_size({"width": width, "height": 900})
    count = page.evaluate(f"{CONTROLS}.length")
    assert count > 30
    for _ in range(3 * count):  # boxes that scroll are stops, too
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement == document.body"):
            break
        page.wait_for_function(SEEN, timeout=5000)  # the first slides in
    assert page.evaluate(f"{CONTROLS}.filter(box => !box.wasThere).map(box => box.outerHTML.slice(0, 200))") == []


def test_a_printed_page_shows_text_without_the_menus(visit):
    page = visit.open(CHAPTER)
    page.emulate_media(media="print")
    for menu in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-area", ".chapter-facts a"):
        assert not page.locator(menu).first.is_visible(), menu
    assert page.locator("h1:visible").count() == 1  # the theme prints a title of its own


def test_what_is_printed_from_the_dark_look_is_dark_on_white(visit):
    page = visit.open(CHAPTER)
    page.evaluate("document.documentElement.dataset.mode = document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    colors = (
        "[...document.querySelectorAll('article :is(p, h2, .highlight, .highlight span)')].filter(box => box.checkVisibility())"
    )
    found = set(page.evaluate(f"{colors}.map(box => getComputedStyle(box).color)"))
    assert found <= {"rgb(0, 0, 0)", "rgb(51, 51, 51)"}
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.fixture
def from_disk(context):
    visit = Visit(context, HTML.as_uri())
    yield visit
    visit.page.close()


def test_the_book_works_from_disk(from_disk):
    page = from_disk.open("book/03_gan.html")
    assert page.locator("mjx-container").count() > 10
    assert page.locator("mjx-merror").count() == 0
    assert any("Symptoms" in title for title in search(from_disk, "CUDA out of memory")[:3])
    assert from_disk.troubles == []
    assert from_disk.refusal() == "https://elsewhere.invalid/planted.js"


EMPTY_PROGRAM = "WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then(() => true)"


@pytest.mark.parametrize("place", ["visit", "from_disk"])
def test_a_page_may_run_what_it_brings(request, place):
    """Scripts within the page and WebAssembly, as widgets have them: its policy does not stand in their way."""
    visit = request.getfixturevalue(place)
    page = visit.open(CHAPTER)
    assert page.evaluate(EMPTY_PROGRAM)
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
    assert page.evaluate("window.ran")
    assert [trouble for trouble in visit.troubles if "Security Policy" in trouble] == []


@pytest.mark.parametrize(("path", "count"), [("book/index.html", 1), ("book/06b_flow.html", 2)])
@pytest.mark.parametrize("place", ["visit", "from_disk"])
def test_the_widgets_of_a_page_come_alive(request, place, path, count):
    visit = request.getfixturevalue(place)
    boxes = visit.open(path).locator(".course-widget")
    assert boxes.count() == count
    for box in boxes.all():
        box.scroll_into_view_if_needed()
        visit.page.wait_for_function("box => box.dataset.ready", arg=box.element_handle())
        assert box.locator("canvas").count() > 0
    assert visit.troubles == []
