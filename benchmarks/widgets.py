"""How soon the widgets answer, and what they weigh: each on a page of its own, opened from disk in Chromium without a window.

    python benchmarks/widgets.py speed   (two minutes; needs a Chromium)
    python benchmarks/widgets.py size
    python benchmarks/widgets.py obedience   (a minute)

Told are milliseconds for which the page's thread was on a processor, the least and the median of several turns: from opening
a page to its widget's first result; an image of the generator of digits, ten at a time, with WebAssembly and in plain
JavaScript; twenty guided steps of the sampler, at full speed and at a quarter, which Chromium's throttle gives, and of a
sentence; a step of each playground, of the boundary with the largest network there. Told are bytes, of the engine and of each
widget with all that it brings, as text. And obedience: the share of 100 full sentences that published.shapes_text draws as
they say, as it is and with the weights of its widget, and how far pixels, in 0..1, are apart. Results go to
benchmarks/results/widgets.json.
"""

import os
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright
from usual import save

from course_lib import data, published, runtime, widgets
from course_lib.objectives import Attributes
from course_lib.widgets import sentence
from course_lib.widgets.export import whole
from course_lib.widgets.rounding import study
from course_lib.widgets.show import SCRIPTS

RESULTS = Path(__file__).parent / "results" / "widgets.json"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TURNS = 3

LOADED = """const named = async name => {
        const { networks } = document.querySelector(".course-widget").dataset;
        return courseWidgets.network(JSON.parse(networks)[name]);
    };"""
GENERATOR = f"""async wasm => {{
    {LOADED}
    if (courseWidgets.backend !== (wasm ? "wasm" : "plain")) courseWidgets.use(wasm);
    (await named("generator")).run(new Float32Array(740));
}}"""
SAMPLER = """async guidance => {
    const box = document.querySelector(".course-widget"), before = box.shown;
    for (const [name, value] of [["Steps", 20], ["Guidance", guidance]]) {
        const sliders = [...box.querySelectorAll(".slider")];
        const input = sliders.find(each => each.textContent.startsWith(name)).querySelector("input");
        input.value = value;
        input.dispatchEvent(new Event("input"));
    }
    while (box.shown === before) await new Promise(requestAnimationFrame);
}"""
SENTENCE = f"""async () => {{
    {LOADED}
    const network = await named("painter"), z = new Float32Array(2 * 3 * 32 * 32);
    const beside = {{ waves: [new Float32Array(128), [64, 1, 1], 2], words: [new Float32Array(24 * 128), [128, 1, 1], 24] }};
    for (let step = 0; step < 20; step++) network.run(z, beside);
}}"""
BOUNDARY = """() => {
    const button = [...document.querySelectorAll(".course-widget button")].find(each => each.textContent === "One step");
    for (let step = 0; step < 100; step++) button.click();
}"""
RING = """() => {
    const points = Array.from({ length: 512 }, () => [Math.random(), Math.random()]);
    const rates = { generator: 1e-3, discriminator: 1e-3 };
    const widths = { generator: [4, 32, 32, 2], discriminator: [2, 32, 32, 1] };
    const game = courseWidgets.gan({ widths, points, random: Math.random });
    for (let step = 0; step < 100; step++) game.round({ rates, price: 0.1, saturating: false });
}"""


def told(times):
    """The least and the median, in milliseconds."""
    digits = 1 if min(times) < 100 else 0
    return {"least": round(min(times), digits), "median": round(statistics.median(times), digits)}


def opened(browser, path):
    """A page whose widget has just shown its first result, and a session that tells what its thread has worked."""
    page = browser.new_context(offline=True, viewport={"width": 1000, "height": 900}).new_page()
    ask = page.context.new_cdp_session(page)
    ask.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.as_uri())
    page.wait_for_selector(".course-widget[data-ready]", timeout=120_000)
    return page, ask


def thread_time(ask):
    """Seconds for which the page's thread has been on a processor."""
    return next(each["value"] for each in ask.send("Performance.getMetrics")["metrics"] if each["name"] == "ThreadTime")


def speed():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        paths = {kind: widgets.export_page(kind, None, Path(folder) / f"{kind}.html") for kind in SCRIPTS}
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses to be root's browser in a sandbox
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)

        def measured(kind, script, *, argument=lambda turn: None, choice=None, slower=1, count=1):
            page, ask = opened(browser, paths[kind])
            if choice:
                page.get_by_role("radio", name=choice, exact=True).check()
            ask.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            times = []
            for turn in range(TURNS + 1):
                times.append(-thread_time(ask))
                page.evaluate(script, argument(turn))
                times[-1] = 1000 * (times[-1] + thread_time(ask)) / count
            page.context.close()
            return told(times[1:])  # the first has to get warm

        first = {kind: [] for kind in SCRIPTS}
        for _ in range(TURNS):
            for kind, path in paths.items():
                page, ask = opened(browser, path)
                first[kind].append(1000 * thread_time(ask))
                page.context.close()
        save(RESULTS, "milliseconds", {"first result": {kind: told(times) for kind, times in first.items()}})
        rows = {
            "image of the generator": {
                "WebAssembly": measured("ask", GENERATOR, argument=lambda turn: True, count=10),
                "plain JavaScript": measured("ask", GENERATOR, argument=lambda turn: False, count=10),
            },
            "20 guided steps": {
                f"{sampler}, {speed}": measured(
                    "sampler", SAMPLER, argument=lambda turn: 2 + turn % 2, choice=sampler, slower=slower
                )
                for sampler in ("Euler", "Heun")
                for speed, slower in {"full speed": 1, "a quarter": 4}.items()
            },
            "20 guided steps of a sentence": measured("sentence", SENTENCE),
            "step of a playground": {
                "boundary": measured("boundary", BOUNDARY, choice="64", count=100),
                "ring": measured("ring", RING, count=100),
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


def obedience(count=100):
    network, reader = published.shapes_text(), Attributes(published.shapes_reader(), data.WORDS)
    asked = data.shapes(count, seed=3)
    told = torch.stack([asked.targets[name] for name in data.WORDS], 1)

    def drawn():
        with torch.no_grad(), runtime.mixed_precision({"network": network}):
            how = {"captions": asked.targets["caption"]}
            return published.GENERATORS["shapes_text"](network, count, torch.Generator().manual_seed(0), **how).float()

    before = drawn()
    for layer, known in study(network, lambda: network(*sentence.examples())).items():
        rows = layer.weight.detach().flatten(1)
        integers, scale = (torch.from_numpy(each) for each in whole(rows.cpu().numpy(), sentence.BITS, known))
        layer.weight.data.copy_((integers * scale.float()[:, None]).view(layer.weight.shape))
    after = drawn()
    right = [(reader.predict(images) == told).all(1).float().mean().item() for images in (before, after)]
    rows = {"full": round(right[0], 3), "rounded": round(right[1], 3), "apart": round((after - before).abs().mean().item(), 4)}
    save(RESULTS, "obedience", rows)


if __name__ == "__main__":
    {"speed": speed, "size": size, "obedience": obedience}[sys.argv[1]]()
