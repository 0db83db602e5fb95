"""How soon the widgets answer, and what they weigh: each on a page of its own, opened from disk in Chromium without a window.

    python benchmarks/widgets.py speed   (two minutes; needs a Chromium)
    python benchmarks/widgets.py size

Told are milliseconds, the least and the median of several turns, since whatever else the machine does can only make them
longer: from opening a page to its widget's first result; an image of the generator of digits, ten at a time, with WebAssembly
and in plain JavaScript; twenty guided steps of the sampler, at full speed and at a quarter, which Chromium's throttle gives; a
step of each playground as its button makes it, with the largest network there. And bytes: of the engine, and of each widget
with all that it brings, as text.
Results go to benchmarks/results/widgets.json.
"""

import os
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from usual import save

from course_lib import widgets
from course_lib.widgets.show import SCRIPTS

RESULTS = Path(__file__).parent / "results" / "widgets.json"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TURNS = 7

GENERATOR = """async wasm => {
    courseWidgets.use(wasm);
    const { networks } = document.querySelector(".course-widget").dataset;
    const network = await courseWidgets.network(JSON.parse(networks).generator), x = new Float32Array(740), times = [];
    for (let turn = 0; turn < 15; turn++) {
        const start = performance.now();
        network.run(x);
        times.push((performance.now() - start) / 10);
    }
    return times.slice(1);
}"""
SAMPLER = """async turns => {
    const box = document.querySelector(".course-widget");
    const slide = (name, value) => {
        const sliders = [...box.querySelectorAll(".slider")];
        const input = sliders.find(each => each.textContent.startsWith(name)).querySelector("input");
        input.value = value;
        input.dispatchEvent(new Event("input"));
    };
    const times = [];
    for (let turn = 0; turn <= turns; turn++) {
        const before = box.shown, start = performance.now();
        slide("Steps", 20);
        slide("Guidance", 2 + turn % 2);
        while (box.shown === before) await new Promise(requestAnimationFrame);
        times.push(performance.now() - start);
    }
    return times.slice(1);
}"""
PLAYGROUND = """turns => {
    const buttons = [...document.querySelectorAll(".course-widget button")];
    const button = buttons.find(each => each.textContent.startsWith("One "));
    const times = [];
    for (let turn = 0; turn < 20 + turns; turn++) {
        const start = performance.now();
        button.click();
        times.push(performance.now() - start);
    }
    return times.slice(20);
}"""


def told(times):
    """The least and the median, in milliseconds."""
    digits = 1 if min(times) < 100 else 0
    return {"least": round(min(times), digits), "median": round(statistics.median(times), digits)}


def opened(browser, path):
    """A page with its widget, as soon as that has shown something, and the milliseconds until then."""
    page = browser.new_context(offline=True, viewport={"width": 1000, "height": 900}).new_page()
    page.goto(path.as_uri())
    box = page.wait_for_selector(".course-widget[data-ready]", timeout=120_000)
    return page, float(box.get_attribute("data-ready"))


def speed():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        paths = {kind: widgets.export_page(kind, None, Path(folder) / f"{kind}.html") for kind in SCRIPTS}
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses to be root's browser in a sandbox
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)

        def measured(kind, script, argument, *, choice=None, slower=1):
            page, _ = opened(browser, paths[kind])
            if choice:
                page.get_by_role("radio", name=choice, exact=True).check()
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
            times = page.evaluate(script, argument)
            page.context.close()
            return told(times)

        first = {kind: [] for kind in SCRIPTS}
        for _ in range(TURNS):
            for kind, path in paths.items():
                page, milliseconds = opened(browser, path)
                first[kind].append(milliseconds)
                page.context.close()
        rows = {
            "first result": {kind: told(times) for kind, times in first.items()},
            "image of the generator": {
                "WebAssembly": measured("ask", GENERATOR, True),
                "plain JavaScript": measured("ask", GENERATOR, False),
            },
            "20 guided steps": {
                f"{sampler}, {speed}": measured("sampler", SAMPLER, TURNS, choice=sampler, slower=slower)
                for sampler in ("Euler", "Heun")
                for speed, slower in {"full speed": 1, "a quarter": 4}.items()
            },
            "step of a playground": {
                "boundary": measured("boundary", PLAYGROUND, 50, choice="64"),
                "ring": measured("ring", PLAYGROUND, 50, choice="Flow"),
            },
        }
    save(RESULTS, "milliseconds", rows)


def size():
    rows = {}
    for kind in SCRIPTS:
        texts = re.findall(r'<(script|style) data-file="([\w.-]+)">(.*?)</\1>', widgets.show(kind)._repr_html_(), re.DOTALL)
        files = {name: len(text.encode()) for _, name, text in texts}
        rows |= {"engine": files["engine.js"], kind: sum(files.values())}
    save(RESULTS, "bytes", rows)


if __name__ == "__main__":
    {"speed": speed, "size": size}[sys.argv[1]]()
