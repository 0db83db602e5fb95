/* Decision boundary: place points, train a small network on them, watch the line bend, memorise, diverge. */
courseWidgets.kinds.boundary = ({ box, words, facts, say, network }) => {
  const W = courseWidgets, { sets, reach, colors } = facts, SIDE = 360, GRID = 72;
  const shades = colors.map(color => [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16)));
  let set = "spirals", points, width = 16, activation = facts.activation ?? "relu", rate = 0.02, decay = 0, color = 0, mlp, seed = 0;
  let cross = [0, 0]; // where the arrow keys are

  const learned = () => points.filter((_, i) => set === "own" || i % 2 === 0), unseen = () => set === "own" ? [] : points.filter((_, i) => i % 2);
  const logits = some => mlp.forward(Float64Array.from(some.flatMap(([x, y]) => [x, y])), some.length);
  const answers = some => {
    const y = logits(some);
    return some.map((_, i) => [0, 1, 2].reduce((best, k) => y[3 * i + k] > y[3 * i + best] ? k : best, 0));
  };
  const right = some => some.length ? answers(some).filter((k, i) => k === some[i][2]).length / some.length : NaN;

  // The picture: at each place the answer, pale where it is unsure
  const field = W.tag("canvas", { width: GRID, height: GRID }).getContext("2d"), image = field.createImageData(GRID, GRID);
  const grid = Array.from({ length: GRID * GRID }, (_, i) => [(i % GRID + 0.5) / GRID, (Math.floor(i / GRID) + 0.5) / GRID].map((v, axis) => (axis ? -1 : 1) * reach * (2 * v - 1)));
  const pixel = ([x, y]) => [(x / reach + 1) / 2 * SIDE, (1 - y / reach) / 2 * SIDE];
  const draw = () => {
    const y = logits(grid);
    for (let i = 0; i < grid.length; i++) {
      const p = W.softmax(y.subarray(3 * i, 3 * i + 3));
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 - 0.6 * p.reduce((sum, share, k) => sum + share * (255 - shades[k][c]), 0);
      image.data[4 * i + 3] = 255;
    }
    field.putImageData(image, 0, 0);
    const g = pad.getContext("2d");
    g.drawImage(field.canvas, 0, 0, SIDE, SIDE);
    points.forEach((point, i) => { // unseen ones are hollow
      g.beginPath();
      g.arc(...pixel(point), 4, 0, 7);
      g.lineWidth = 2;
      g.strokeStyle = g.fillStyle = colors[point[2]];
      if (set === "own" || i % 2 === 0) { g.fill(); g.strokeStyle = "#fff"; g.lineWidth = 1; }
      g.stroke();
    });
    if (document.activeElement === pad) {
      const [x, y] = pixel(cross);
      g.lineWidth = 2;
      g.strokeStyle = "#000";
      g.strokeRect(x - 7, y - 7, 14, 14);
    }
  };
  const soon = W.soon(draw), line = W.tag("p", { class: "note" });
  const percent = share => Number.isNaN(share) ? "–" : `${Math.round(100 * share)} %`;
  const tell = loss => {
    const values = { step: mlp.steps, loss: loss.toFixed(3), right: percent(right(learned())), unseen: percent(right(unseen())) };
    line.textContent = W.fill(words.line, values);
    box.shown = { ...values, points: points.length };
    return values;
  };
  const lossNow = () => W.crossEntropy(logits(learned()), learned().map(point => point[2]), 3)[0];

  const step = () => {
    const some = learned(), [mean, d] = W.crossEntropy(logits(some), some.map(point => point[2]), 3);
    mlp.backward(d, some.length);
    mlp.step({ rate, decay });
    return mean;
  };
  let loss;
  const running = W.loop(box, () => {
    const until = performance.now() + 8;
    do loss = step(); while (performance.now() < until && mlp.steps % 5);
    if (!Number.isFinite(loss)) { stop(); begin(); say(words.diverged); }
  }, () => { tell(loss); draw(); });
  const stop = () => { if (running.running) { running.toggle(false); train.textContent = words.train; say(words.stopped, tell(lossNow())); } };

  const begin = () => {
    mlp = new W.Mlp([2, width, width, 3], activation, W.random(seed++));
    tell(learned().length ? lossNow() : 0);
    soon();
  };
  const choose = name => { stop(); set = name; points = name === "own" ? [] : sets[name].map(point => [...point]); begin(); };
  const place = point => { points.push([...point, color]); soon(); say(words.placed, { color: words.colors[color], count: points.length }); };

  const pad = W.pad(SIDE, SIDE, words.pad, {
    down: (x, y) => place([reach * (2 * x / SIDE - 1), reach * (1 - 2 * y / SIDE)]),
    keys: (x, y) => {
      if (!x && !y) return place(cross);
      cross = [cross[0] + 0.1 * x, cross[1] - 0.1 * y].map(v => Math.max(-reach, Math.min(reach, v)));
      soon();
    },
  });
  pad.classList.add("smooth");
  pad.addEventListener("focus", soon);
  pad.addEventListener("blur", soon);

  const train = W.button(words.train, () => {
    if (!learned().length) return say(words.empty);
    if (running.running) return stop();
    train.textContent = words.pause;
    running.toggle(true);
  });
  const controls = [
    W.choice(words.set, words.sets, set, choose),
    W.choice(words.color, words.colors, color, value => { color = Number(value); }),
    W.choice(words.width, { 2: "2", 4: "4", 16: "16", 64: "64" }, width, value => { width = Number(value); stop(); begin(); }),
    W.choice(words.activation, words.activations, activation, value => { activation = value; stop(); begin(); }),
    W.slider(words.rate, { min: -3, max: 1, step: 0.25, value: Math.log10(rate), show: v => Number((10 ** v).toPrecision(1)).toString() }, v => { rate = 10 ** v; }),
    W.slider(words.decay, { min: -4, max: 0, step: 0.25, value: -4, show: v => v <= -4 ? "0" : Number((10 ** v).toPrecision(1)).toString() }, v => { decay = v <= -4 ? 0 : 10 ** v; }),
    W.tag("div", { class: "line" }, train, W.button(words.once, () => {
      if (!learned().length) return say(words.empty);
      step();
      say(words.stepped, tell(lossNow()));
      soon();
    }), W.button(words.again, () => { stop(); begin(); say(words.anew); })),
  ];
  choose(set);
  if (network) { mlp = new W.Mlp(facts.widths, activation, W.random(0)); mlp.take(network); tell(lossNow()); }
  say(words.start);
  return [W.tag("div", { class: "pair" }, W.tag("div", { class: "stack" }, pad, line), W.tag("div", { class: "stack" }, ...controls))];
};
