"""What a reader does with the book: search, unfold, copy, switch to dark, move by keyboard, download, open from disk, print."""

import json

import pytest

from .conftest import HTML, Visit

CHAPTER = "book/01_neural_networks.html"


def search(visit, words):
    """The titles that the book's own search finds for some words, best first."""
    page = visit.open(f"search.html?q={words}")
    page.wait_for_selector("#search-results li")
    return page.locator("#search-results li a").all_text_contents()


@pytest.mark.parametrize("words", ["mat1 and mat2 shapes cannot be multiplied", "CUDA out of memory"])
def test_search_finds_the_entry_of_an_error(visit, words):
    assert any("Symptoms" in title for title in search(visit, words)[:3])
    assert visit.troubles == []


def test_search_is_reached_by_keyboard(visit):
    page = visit.open(CHAPTER)
    page.keyboard.press("Control+k")
    page.keyboard.type("dropout")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li")


def test_there_is_one_search_box(visit):
    page = visit.open(CHAPTER)
    assert page.locator("input[type=search]:visible").count() <= 1


def test_a_solution_opens_and_closes(visit):
    page = visit.open(CHAPTER)
    closed = page.locator("details:not([open])")
    before = closed.count()
    assert before
    first = page.locator("details").first
    first.locator("summary").click()
    assert first.get_attribute("open") is not None
    first.locator("summary").click()
    assert closed.count() == before


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
    notebook = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert not any(cell.get("outputs") for cell in notebook["cells"])


def test_colab_is_one_click_away(visit):
    link = visit.open(CHAPTER).get_by_role("link", name="Open in Colab").get_attribute("href")
    assert link.startswith("https://colab.research.google.com/github/")
    assert link.endswith("/book/01_neural_networks.ipynb")


def test_every_stop_of_the_tab_key_can_be_seen(visit):
    page = visit.open(CHAPTER)
    for _ in range(40):
        page.keyboard.press("Tab")
        box = page.evaluate("""() => {
            const {x, y, width, height} = document.activeElement.getBoundingClientRect(); return [x, y, width, height] }""")
        assert box[2] > 0, page.evaluate("document.activeElement.outerHTML")[:200]
        assert box[3] > 0, page.evaluate("document.activeElement.outerHTML")[:200]


def test_a_printed_page_shows_text_without_the_menus(visit):
    page = visit.open(CHAPTER)
    page.emulate_media(media="print")
    for menu in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-area", ".chapter-facts a"):
        assert not page.locator(menu).first.is_visible(), menu
    assert page.locator("h1:visible").count() == 1  # the theme prints a title of its own


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
