/* Convolution explorer: edit the kernel, choose stride, padding and dilation, and look at one number of the output at a time. */
courseWidgets.kinds.convolution = ({ box, words, facts, say }) => {
  const W = courseWidgets, SIDE = 14, DRAWN = 420;
  const NAMED = { edges: [-1, 0, 1, -2, 0, 2, -1, 0, 1], blur: Array(9).fill(0.11), sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0], ones: Array(9).fill(1) };
  let picture = "digit", kernel = [...NAMED.edges], transposed = false, learned = -1, at = [6, 6];
  const how = { stride: 1, padding: 1, dilation: 1 };

  /* All (pixel of the input, weight) pairs that meet in one number of the output: [row, column, index of the weight]. */
  const pairs = ([i, j]) => {
    const { stride, padding, dilation } = how, found = [];
    for (let u = 0; u < 3; u++) for (let v = 0; v < 3; v++) {
      if (!transposed) found.push([stride * i + dilation * u - padding, stride * j + dilation * v - padding, 3 * u + v]);
      else { // the other way round: input pixel r has put its stamp on the output pixels stride r + dilation u - padding
        const r = i + padding - dilation * u, c = j + padding - dilation * v;
        if (r % stride === 0 && c % stride === 0) found.push([r / stride, c / stride, 3 * u + v]);
      }
    }
    return found;
  };
  const inside = (r, c) => r >= 0 && r < SIDE && c >= 0 && c < SIDE;
  const pixel = (r, c) => inside(r, c) ? facts.pictures[picture][SIDE * r + c] : 0;
  const size = () => {
    const { stride, padding, dilation } = how;
    return transposed ? stride * (SIDE - 1) + 2 * dilation + 1 - 2 * padding : Math.floor((SIDE + 2 * padding - 2 * dilation - 1) / stride) + 1;
  };
  const sum = place => pairs(place).reduce((total, [r, c, k]) => total + kernel[k] * pixel(r, c), 0);

  const paint = (canvas, n, value, [black, white], marked, shift = 0) => {
    const g = canvas.getContext("2d"), cell = DRAWN / n;
    g.clearRect(0, 0, DRAWN, DRAWN);
    for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
      const shade = Math.round(255 * Math.max(0, Math.min(1, (value(r - shift, c - shift) - black) / (white - black || 1))));
      g.fillStyle = `rgb(${shade} ${shade} ${shade})`;
      g.fillRect(c * cell, r * cell, cell - 0.5, cell - 0.5);
    }
    g.lineWidth = 3;
    for (const [r, c] of marked) {
      g.strokeStyle = inside(r, c) || !shift && canvas === out ? "#e69f00" : "#999"; // grey: a zero of the padding
      g.strokeRect((c + shift) * cell + 1.5, (r + shift) * cell + 1.5, cell - 3, cell - 3);
    }
  };
  const number = v => (Math.round(100 * v) / 100).toString().replace("-", "−");
  const equation = W.tag("p", { class: "note" }), shapes = W.tag("p", { class: "note" });
  const draw = () => {
    const n = size();
    at = at.map(v => Math.max(0, Math.min(n - 1, v)));
    const values = Array.from({ length: n * n }, (_, k) => sum([Math.floor(k / n), k % n])), frame = transposed ? 0 : how.padding;
    const met = pairs(at), read = met.filter(([r, c]) => inside(r, c));
    paint(input, SIDE + 2 * frame, pixel, [0, 1], transposed ? read : met, frame);
    paint(out, n, (r, c) => values[n * r + c], [Math.min(0, ...values), Math.max(...values)], [at]);
    const terms = read.filter(([r, c, k]) => kernel[k] && pixel(r, c)).map(([r, c, k]) => `${number(kernel[k])} × ${number(pixel(r, c))}`);
    equation.textContent = `${terms.join(" + ") || "0"} = ${number(sum(at))}`;
    shapes.textContent = W.fill(transposed ? words.grown : words.shrunk, { input: SIDE, output: n, read: read.length });
    box.shown = { values, n, at, sum: sum(at), kernel: [...kernel], ...how, transposed };
  };
  const soon = W.soon(draw);
  const told = () => ({ row: at[0] + 1, column: at[1] + 1, sum: number(sum(at)), read: pairs(at).filter(([r, c]) => inside(r, c)).length });
  const look = (x, y) => { const n = size(); at = [y, x].map(v => Math.max(0, Math.min(n - 1, Math.floor(v * n / DRAWN)))); soon(); };

  const input = W.tag("canvas", { width: DRAWN, height: DRAWN, role: "img", "aria-label": words.input });
  const out = W.pad(DRAWN, DRAWN, words.output, {
    down: look, move: look, hover: look, up: () => say(words.looked, told()),
    keys: (x, y) => { const n = size(); at = [at[0] + y, at[1] + x].map(v => Math.max(0, Math.min(n - 1, v))); soon(); say(words.looked, told()); },
  });
  const cells = kernel.map((_, k) => W.tag("input", {
    type: "number", step: 0.1, "aria-label": W.fill(words.weight, { row: Math.floor(k / 3) + 1, column: k % 3 + 1 }),
    oninput: event => {
      const value = event.target.valueAsNumber;
      if (!Number.isFinite(value)) return say(words.noNumber);
      kernel[k] = value;
      soon();
    },
  }));
  const lay = weights => { kernel = [...weights]; cells.forEach((cell, k) => { cell.value = kernel[k]; }); soon(); };
  const named = Object.keys(NAMED).map(name => W.button(words[name], () => { lay(NAMED[name]); say(words.laid, { name: words[name] }); }));
  const next = W.button(words.learned, () => {
    learned = (learned + 1) % facts.kernels.length;
    lay(facts.kernels[learned]);
    say(words.laidLearned, { number: learned + 1, count: facts.kernels.length });
  });
  const turn = (name, min, max) => W.slider(words[name], { min, max, step: 1, value: how[name], show: String }, value => { how[name] = value; soon(); });
  lay(kernel);
  draw();
  say(words.start);
  return [
    W.choice(words.direction, words.directions, "forward", value => { transposed = value === "transposed"; at = [6, 6]; soon(); say(words[value]); }),
    W.tag("div", { class: "pair even" },
      W.tag("figure", {}, input, W.tag("figcaption", {}, words.input)), W.tag("figure", {}, out, W.tag("figcaption", {}, words.output))),
    equation, shapes,
    W.tag("div", { class: "pair even" },
      W.tag("div", { class: "stack" }, W.tag("div", { class: "kernel", role: "group", "aria-label": words.kernel }, ...cells), W.tag("div", { class: "line" }, ...named, next)),
      W.tag("div", { class: "stack" }, W.choice(words.picture, words.pictures, picture, value => { picture = value; soon(); }), turn("stride", 1, 3), turn("padding", 0, 2), turn("dilation", 1, 3))),
  ];
};
