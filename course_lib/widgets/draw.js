/* Draw a digit, look inside: the maps from edges to the answer, and which strokes the answer hangs on. */
courseWidgets.kinds.draw = ({ box, words, facts, say, network }) => {
  const W = courseWidgets, examples = W.unpacked(facts.examples), PATCH = 6;
  let given = null, shift = [0, 0]; // given: 784 numbers, or null; shift: by the arrow keys

  const pad = W.drawing(words.pad, {
    begun: () => { shift = [0, 0]; },
    drawn: numbers => { given = numbers; soon(); },
    finished: () => finish(),
    keys: (x, y) => {
      if (!given) return say(words.empty);
      shift = [shift[0] + x, shift[1] + y].map(v => Math.max(-14, Math.min(14, v)));
      look();
      finish();
    },
  });
  const shifted = () => Float32Array.from({ length: 784 }, (_, i) => {
    const x = i % 28 - shift[0], y = Math.floor(i / 28) - shift[1];
    return given && x >= 0 && x < 28 && y >= 0 && y < 28 ? given[28 * y + x] : 0;
  });

  const small = W.picture(28, 28, words.small), blame = W.picture(28, 28, words.blame);
  const bars = Array.from({ length: 10 }, (_, d) => ({ bar: W.tag("i"), share: W.tag("span"), digit: W.tag("span", {}, String(d)) }));
  const sheets = Object.entries(network.run(new Float32Array(784)).kept).filter(([, { shape }]) => shape[2] > 1).map(([name, { shape: [, count, h, w] }], i) => {
    const across = 16, title = W.fill(words.maps, { layer: i + 1, count, h, w });
    return { name, count, h, w, across, title, canvas: W.picture(Math.ceil(count / across) * (h + 1) - 1, across * (w + 1) - 1, title) };
  });
  const look = () => {
    const x = shifted(), { data: logits, kept } = network.run(x);
    small.paint(x);
    for (const { name, count, h, w, across, canvas } of sheets) {
      const maps = kept[name].data, most = Math.max(1e-6, ...maps), sheet = new Float32Array(canvas.width * canvas.height);
      for (let m = 0; m < count; m++) for (let i = 0; i < h; i++) for (let j = 0; j < w; j++)
        sheet[(Math.floor(m / across) * (h + 1) + i) * canvas.width + m % across * (w + 1) + j] = Math.sqrt(Math.max(0, maps[(m * h + i) * w + j] / most));
      canvas.paint(sheet);
    }
    const p = W.softmax(logits), best = p.indexOf(Math.max(...p));
    bars.forEach(({ bar, share }, d) => {
      bar.style.transform = `scaleX(${given ? p[d] : 0})`;
      share.textContent = given ? `${(100 * p[d]).toFixed(0)} %` : "";
    });
    box.shown = { x, logits, digit: given ? best : null, share: p[best] };
  };
  const soon = W.soon(look);

  /* What the answer loses when a patch is painted over, for each place of the patch. */
  const occlude = () => {
    const { x, digit } = box.shown, places = [], all = [];
    for (let y = 0; y < 28; y += 4) for (let j = 0; j < 28; j += 4) places.push([y, j]);
    for (const [y, j] of places) {
      const covered = Float32Array.from(x);
      for (let r = Math.max(0, y - 1); r < Math.min(28, y - 1 + PATCH); r++) for (let c = Math.max(0, j - 1); c < Math.min(28, j - 1 + PATCH); c++) covered[28 * r + c] = 0;
      all.push(...covered);
    }
    const { data } = network.run(Float32Array.from(all)), logits = box.shown.logits;
    const margin = some => some[digit] - Math.max(...Array.from(some).filter((_, d) => d !== digit));
    const lost = places.map((_, n) => Math.max(0, margin(logits) - margin(data.subarray(10 * n, 10 * n + 10)))), most = Math.max(...lost, 1e-6);
    blame.paint(Float32Array.from({ length: 784 }, (_, i) => lost[Math.floor(i / 28 / 4) * 7 + Math.floor(i % 28 / 4)] / most));
  };
  const finish = () => {
    look();
    if (!given) return say(words.empty);
    occlude();
    say(words.read, { digit: box.shown.digit, share: (100 * box.shown.share).toFixed(1) });
  };
  const wipe = () => { pad.wipe(); shift = [0, 0]; given = null; blame.paint(new Float32Array(784)); };
  const example = digit => {
    wipe();
    given = examples[digit];
    const shown = W.picture(28, 28, "");
    shown.paint(given);
    pad.show(shown);
    finish();
  };
  wipe();
  look();
  say(words.start);
  return [
    W.tag("div", { class: "pair" },
      W.tag("div", { class: "stack" }, W.tag("div", { class: "small" }, pad),
        W.tag("div", { class: "line" }, W.button(words.clear, () => { wipe(); look(); say(words.empty); })),
        W.tag("div", { class: "line", role: "group", "aria-label": words.examples }, W.tag("span", {}, words.examples),
          ...examples.map((_, d) => { const button = W.button(String(d), () => example(d)); button.setAttribute("aria-label", W.fill(words.example, { digit: d })); return button; }))),
      W.tag("div", { class: "stack" },
        W.tag("ol", { class: "bars", "aria-label": words.bars }, ...bars.map(({ digit, bar, share }) => W.tag("li", {}, digit, bar, share))),
        W.tag("div", { class: "two" }, W.tag("figure", {}, small, W.tag("figcaption", {}, words.small)), W.tag("figure", {}, blame, W.tag("figcaption", {}, words.blame))))),
    ...sheets.map(({ canvas, title }) => W.tag("figure", {}, canvas, W.tag("figcaption", {}, title))),
  ];
};
