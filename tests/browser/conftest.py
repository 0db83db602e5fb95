"""The built book in a real browser: Chromium, on a web server of this machine, with every other host out of reach."""

import gzip
import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

BUILD = Path(__file__).parents[2] / "_build"
HTML = BUILD / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

collect_ignore_glob = [] if CHROMIUM and HTML.is_dir() else ["test_*.py"]  # make pages says what is missing


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


PLANT = """() => new Promise(resolve => {
    document.addEventListener("securitypolicyviolation", refused => resolve(refused.blockedURI), {once: true});
    const script = Object.assign(document.createElement("script"), {src: "https://elsewhere.invalid/planted.js"});
    script.onerror = () => setTimeout(() => resolve("asked for, and not found"), 1000);
    document.head.append(script);
})"""


@pytest.fixture(scope="session")
def address():
    """Where the book is served, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=HTML))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses to be root's browser in a sandbox
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", accept_downloads=True)
    context.set_default_timeout(60_000)
    yield context
    context.close()


class Visit:
    """One page, opened, with what went wrong on the way: troubles, a list; and weight, the bytes that it needed, counted as
    a host of static pages sends them, which is compressed where that is less."""

    def __init__(self, context, address):
        self.page, self.address, self.troubles, self.weight = context.new_page(), address, [], 0
        self.page.route("**/*", self._only_here)
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("requestfailed", lambda request: self.troubles.append(f"failed: {request.url}"))
        self.page.on("response", self._weigh)

    def open(self, path):
        self.page.goto(f"{self.address}/{path}", wait_until="load")
        if self.page.locator("script[src*=mathjax]").count():
            self.page.wait_for_function("MathJax.startup && MathJax.startup.promise")
            self.page.evaluate("MathJax.startup.promise.then(() => true)")
        return self.page

    def refusal(self):
        """The address of a planted script that the page's policy refuses to load, if it does."""
        troubles, self.troubles = self.troubles, []
        refused = self.page.evaluate(PLANT)
        self.troubles = troubles
        return refused

    def _only_here(self, route):
        if not route.request.url.startswith((self.address, "data:", "blob:")):
            self.troubles.append(f"another host: {route.request.url}")
            return route.abort()
        return route.continue_()

    def _weigh(self, response):
        if response.status >= 400:
            self.troubles.append(f"{response.status}: {response.url}")
        elif response.url.startswith("http"):
            body = response.body()  # while it is awaited, other answers are weighed: only then is there anything to add to
            self.weight += min(len(body), len(gzip.compress(body)))


@pytest.fixture
def visit(context, address):
    """A visitor of the served book."""
    visit = Visit(context, address)
    yield visit
    visit.page.close()
