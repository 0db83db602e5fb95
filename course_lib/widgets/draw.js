/* Draw a digit, look inside: the maps from edges to the answer, and which strokes the answer hangs on. */
courseWidgets.kinds.draw = ({ box, words, facts, say, network }) => {
  const W = courseWidgets, S = 280, examples = W.unpacked(facts.examples), PATCH = 6;
  let given = null, shift = [0, 0], last; // given: 784 numbers, or null; shift: by the arrow keys

  const pad = W.pad(S, S, words.pad, {
    down: (x, y) => { shift = [0, 0]; last = [x, y]; stroke(x, y); },
    move: (x, y) => stroke(x, y),
    up: () => finish(),
    keys: (x, y) => {
      if (!given) return say(words.empty);
      shift = [shift[0] + x, shift[1] + y].map(v => Math.max(-14, Math.min(14, v)));
      look();
      finish();
    },
  });
  const context = pad.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  const stroke = (x, y) => {
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(x, y);
    context.stroke();
    last = [x, y];
    given = prepared();
    soon();
  };

  /* As MNIST's digits were made: the drawing's longer side becomes 20 pixels, its centre of mass goes to the middle. */
  const tiny = W.tag("canvas", { width: 28, height: 28 }).getContext("2d", { willReadFrequently: true });
  const prepared = () => {
    const { data } = context.getImageData(0, 0, S, S);
    let [left, right, above, below] = [S, -1, S, -1];
    for (let y = 0; y < S; y++) for (let x = 0; x < S; x++) if (data[4 * (y * S + x)] > 30) {
      [left, right, above, below] = [Math.min(left, x), Math.max(right, x), Math.min(above, y), Math.max(below, y)];
    }
    if (right < 0) return null;
    const w = right - left + 1, h = below - above + 1, scale = 20 / Math.max(w, h);
    tiny.imageSmoothingQuality = "high";
    const grey = (x, y) => {
      tiny.fillRect(0, 0, 28, 28);
      tiny.drawImage(pad, left, above, w, h, x, y, w * scale, h * scale);
      const { data: pixels } = tiny.getImageData(0, 0, 28, 28);
      return Float32Array.from({ length: 784 }, (_, i) => pixels[4 * i] / 255);
    };
    const first = grey(4, 4), mass = first.reduce((a, b) => a + b);
    const middle = axis => first.reduce((sum, v, i) => sum + v * (axis ? Math.floor(i / 28) : i % 28), 0) / mass;
    return grey(4 + Math.round(13.5 - middle(0)), 4 + Math.round(13.5 - middle(1)));
  };
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
  const wipe = () => { context.fillRect(0, 0, S, S); shift = [0, 0]; given = null; blame.paint(new Float32Array(784)); };
  const example = digit => {
    wipe();
    given = examples[digit];
    const shown = W.picture(28, 28, "");
    shown.paint(given);
    context.imageSmoothingEnabled = false;
    context.drawImage(shown, 0, 0, S, S);
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
