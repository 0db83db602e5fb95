/* Puts each widget of the page into the place that is kept for it, and what widgets share: buttons, sliders, pictures, numbers. */
(() => {
"use strict";
const W = window.courseWidgets;
if (W.tag) return;

/* An element: tag("button", { type: "button", onclick: f }, "Clear"). */
W.tag = (name, attributes = {}, ...inside) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...inside);
  return element;
};

W.button = (text, click) => W.tag("button", { type: "button", onclick: click }, text);

/* A group of which one is chosen: choice("Digit", { 0: "zero", 1: "one" }, "0", change); set(value) chooses without a call. */
W.choice = (legend, options, chosen, change) => {
  const name = `choice-${W.count = (W.count ?? 0) + 1}`;
  const inputs = Object.keys(options).map(value => W.tag("input", { type: "radio", name, value, onchange: () => change(value) }));
  const box = W.tag("fieldset", { class: "choice" }, W.tag("legend", {}, legend),
    ...inputs.map(input => W.tag("label", {}, input, W.tag("span", {}, options[input.value]))));
  box.set = value => { for (const input of inputs) input.checked = input.value === String(value); };
  box.set(chosen);
  return box;
};

/* A slider with its name and its value: change(number) while it moves; set(number) moves it without a call. */
W.slider = (label, { min, max, step, value, show = v => v.toFixed(1) }, change) => {
  const id = `slider-${W.count = (W.count ?? 0) + 1}`, output = W.tag("span", { "aria-hidden": "true" }); // an <output> would speak all the while
  const input = W.tag("input", { id, type: "range", min, max, step, oninput: () => { tell(); change(Number(input.value)); } });
  const tell = () => { output.textContent = show(Number(input.value)); input.setAttribute("aria-valuetext", output.textContent); };
  const box = W.tag("div", { class: "slider" }, W.tag("label", { for: id }, label), input, output);
  box.set = number => { input.value = number; tell(); };
  box.set(value);
  return box;
};

/* A canvas of h x w pixels; paint(numbers, [black, white]) shows them in grey, three times as many in colour. */
W.picture = (h, w, label) => {
  const canvas = W.tag("canvas", { width: w, height: h, role: "img", "aria-label": label });
  const context = canvas.getContext("2d"), image = context.createImageData(w, h);
  canvas.paint = (numbers, [black, white] = [0, 1]) => {
    const apart = numbers.length === 3 * h * w ? h * w : 0, level = i => 255 * (numbers[i] - black) / (white - black);
    for (let i = 0; i < h * w; i++) image.data.set([level(i), level(i + apart), level(i + 2 * apart), 255], 4 * i);
    context.putImageData(image, 0, 0);
  };
  return canvas;
};

/* A canvas for the mouse, a finger and the arrow keys: down, move (after down), hover (else) and up get the place in the canvas's own
   pixels; keys gets the step (x, y) of an arrow key. */
W.pad = (h, w, label, { down, move, hover, up, keys }) => {
  const canvas = W.tag("canvas", { width: w, height: h, class: "pad", tabindex: 0, role: "application", "aria-label": label });
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * w / box.width, (event.clientY - box.top) * h / box.height];
  };
  let held = false;
  canvas.addEventListener("pointerdown", event => { held = true; canvas.setPointerCapture(event.pointerId); down(...place(event), event); });
  canvas.addEventListener("pointermove", event => { (held ? move : hover)?.(...place(event)); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (held) { held = false; up?.(); } });
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", event => {
    const step = steps[event.key] ?? (event.key === "Enter" || event.key === " " ? [0, 0] : null);
    if (step && keys && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); keys(...step, event); }
  });
  return canvas;
};

/* Calls f once before the next frame, however often it is asked to. */
W.soon = f => {
  let asked = false;
  return () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; f(); }); } };
};

/* Calls step, then draw, before each frame while it runs and the widget is in sight; toggle(true) starts, toggle(false) stops.
   Where a reader has asked for little motion, it draws twice a second. */
W.loop = (box, step, draw) => {
  const pause = matchMedia("(prefers-reduced-motion: reduce)").matches ? 500 : 0;
  let running = false, seen = true, next, drawn = 0;
  const frame = now => {
    cancelAnimationFrame(next);
    if (!running || !seen || !box.isConnected) return;
    next = requestAnimationFrame(frame);
    step();
    if (running && now - drawn >= pause) { drawn = now; draw(); }
  };
  new IntersectionObserver(([entry]) => { seen = entry.isIntersecting; frame(performance.now()); }).observe(box);
  return { get running() { return running; }, toggle(on) { running = on; frame(performance.now()); } };
};

/* Numbers at random, evenly in 0..1, the same for the same seed (mulberry32); and from the normal distribution. */
W.random = seed => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
  t ^= t + Math.imul(t ^ t >>> 7, 61 | t);
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
};
W.normal = random => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

W.softmax = logits => {
  const most = Math.max(...logits), powers = Array.from(logits, v => Math.exp(v - most)), sum = powers.reduce((a, b) => a + b);
  return powers.map(v => v / sum);
};

W.fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]); // fill("Read as {digit}.", { digit: 3 })

/* Images of digits as Python packs them: base64, two pixels a byte. */
W.unpacked = (base64, size = 784) => {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  return Array.from({ length: 2 * bytes.length / size }, (_, n) =>
    Float32Array.from({ length: size }, (_, i) => (bytes[(n * size + i) >> 1] >> (i & 1 ? 0 : 4) & 15) / 15));
};

const words = {}, known = {};
W.words = (kind, strings) => { words[kind] = strings; };
W.facts = (name, facts) => { known[name] = facts; };

async function begin(box) {
  const { kind, networks, facts } = box.dataset;
  const status = W.tag("p", { class: "status", role: "status" });
  try {
    const loaded = await Promise.all(Object.entries(JSON.parse(networks)).map(async ([name, file]) => [name, await W.network(file)]));
    const say = (text, values = {}) => { status.textContent = W.fill(text, values); };
    const parts = W.kinds[kind]({ box, words: words[kind], facts: known[facts], say, ...Object.fromEntries(loaded) });
    box.replaceChildren(...parts, status);
    box.dataset.ready = performance.now().toFixed(0);
  } catch (error) { // the picture stays
    status.textContent = W.fill(words.page.failed, { reason: error.message });
    box.append(status);
    console.error(error);
  }
}

W.mount = () => {
  const near = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) { near.unobserve(target); begin(target); }
  }, { rootMargin: "800px" });
  for (const box of document.querySelectorAll(".course-widget:not([data-met])")) { box.dataset.met = ""; near.observe(box); }
};
})();
