/* Ring playground: a generator and a discriminator, or a flow, trained round by round, with what each of them sees. */
(() => {
const W = courseWidgets, sigmoid = v => 1 / (1 + Math.exp(-v));
const BETAS = [0.5, 0.9];

/* The game of the chapter on GANs. */
function gan({ widths, random, points }) {
  const generator = new W.Mlp(widths.generator, "leaky", random), discriminator = new W.Mlp(widths.discriminator, "leaky", random);
  const noise = n => Float64Array.from({ length: n * widths.generator[0] }, () => W.normal(random));
  return {
    generator, discriminator,
    draw: (z, n) => generator.forward(z, n),
    noise,
    /* One step of each; the two losses in nats. */
    round({ rates, price, saturating, batch = 64 }) {
      const real = new Float64Array(2 * batch);
      for (let i = 0; i < batch; i++) real.set(points[Math.floor(random() * points.length)], 2 * i);
      const z = noise(batch), fake = generator.forward(z, batch);
      const told = discriminator.forward(real, batch);
      let loss = told.reduce((sum, v) => sum - Math.log(sigmoid(v)), 0) / batch;
      discriminator.backward(told.map(v => (sigmoid(v) - 1) / batch), batch);
      if (price) discriminator.penalize(batch, price);
      const doubted = discriminator.forward(fake, batch);
      loss += doubted.reduce((sum, v) => sum - Math.log(1 - sigmoid(v)), 0) / batch;
      discriminator.backward(doubted.map(v => sigmoid(v) / batch), batch);
      discriminator.step({ rate: rates.discriminator, betas: BETAS });
      const fooled = discriminator.forward(fake, batch);
      const towards = discriminator.backward(fooled.map(v => (saturating ? -sigmoid(v) : sigmoid(v) - 1) / batch), batch, false);
      generator.backward(towards, batch);
      generator.step({ rate: rates.generator, betas: BETAS });
      const least = saturating ? v => Math.log(1 - sigmoid(v)) : v => -Math.log(sigmoid(v));
      return { discriminator: loss, generator: fooled.reduce((sum, v) => sum + least(v), 0) / batch };
    },
    belief: (places, n) => discriminator.forward(places, n).map(sigmoid),
    field: (places, n) => { discriminator.forward(places, n); return discriminator.backward(new Float64Array(n).fill(1), n, false); },
  };
}
W.gan = gan;

/* Flow matching, as its chapter derives it: a network learns the velocity noise - x at (1 - t) x + t noise. */
function flow({ widths, random, points }) {
  const network = new W.Mlp(widths.flow, "leaky", random);
  const noise = n => Float64Array.from({ length: 2 * n }, () => W.normal(random));
  const velocity = (places, n, t) => {
    const input = new Float64Array(3 * n);
    for (let i = 0; i < n; i++) input.set([places[2 * i], places[2 * i + 1], t], 3 * i);
    return network.forward(input, n);
  };
  return {
    noise,
    draw(z, n, steps) {
      const x = Float64Array.from(z);
      for (let k = steps; k > 0; k--) velocity(x, n, k / steps).forEach((v, i) => { x[i] -= v / steps; });
      return x;
    },
    /* One step, and the mean squared error of the velocity. */
    round({ rates, batch = 128 }) {
      const e = noise(batch), wanted = new Float64Array(2 * batch), input = new Float64Array(3 * batch);
      for (let i = 0; i < batch; i++) {
        const x = points[Math.floor(random() * points.length)], t = random();
        for (let c = 0; c < 2; c++) {
          input[3 * i + c] = (1 - t) * x[c] + t * e[2 * i + c];
          wanted[2 * i + c] = e[2 * i + c] - x[c];
        }
        input[3 * i + 2] = t;
      }
      const apart = network.forward(input, batch).map((v, i) => v - wanted[i]);
      network.backward(apart.map(v => v / batch), batch); // of the mean over batch and both coordinates
      network.step({ rate: rates.flow });
      return { flow: apart.reduce((sum, v) => sum + v * v, 0) / (2 * batch) };
    },
    field: (places, n, t) => velocity(places, n, t).map(v => -v), // the way that points go, from noise to data
  };
}

W.kinds.ring = ({ box, words, facts, say }) => {
  const { points, centers, deviation, reach, widths } = facts, SIDE = 360, GRID = 36, ARROWS = 12, COUNT = 400;
  const rates = { generator: 3e-3, discriminator: 3e-3, flow: 3e-3 };
  let price = 0.1, saturating = false, game, rounds, losses, seed = 0, arrows = false, fixed, player = "gan", steps = 20, time = 0.3;

  const places = n => Float64Array.from({ length: 2 * n * n }, (_, i) => (i & 1 ? -1 : 1) * reach * (2 * ((i & 1 ? Math.floor((i >> 1) / n) : (i >> 1) % n) + 0.5) / n - 1));
  const fieldPlaces = places(ARROWS), gridPlaces = places(GRID);
  const pixel = (x, y) => [(x / reach + 1) / 2 * SIDE, (1 - y / reach) / 2 * SIDE];
  const canvas = W.tag("canvas", { width: SIDE, height: SIDE, class: "smooth", role: "img", "aria-label": words.picture });
  const small = W.tag("canvas", { width: GRID, height: GRID }).getContext("2d"), image = small.createImageData(GRID, GRID);
  const line = W.tag("p", { class: "note" });

  /* Modes covered, and the share of good points, as metrics.modes_covered counts them. */
  const measured = drawn => {
    const found = centers.map(() => 0);
    for (let i = 0; i < COUNT; i++) {
      const far = centers.map(([x, y]) => Math.hypot(drawn[2 * i] - x, drawn[2 * i + 1] - y)), nearest = far.indexOf(Math.min(...far));
      if (far[nearest] <= 3 * deviation) found[nearest]++;
    }
    const modes = found.filter(count => count >= COUNT / centers.length / 10).length;
    return { modes, good: `${Math.round(100 * found.reduce((a, b) => a + b) / COUNT)} %` };
  };
  const draw = () => {
    const g = canvas.getContext("2d");
    g.fillStyle = "#eef1f4"; // a flow has no opponent whose belief could be shown
    g.fillRect(0, 0, SIDE, SIDE);
    game.belief?.(gridPlaces, GRID * GRID).forEach((p, i) => image.data.set([0, 1, 2].map(c => 255 * (p * [0.97, 0.75, 0.7][c] + (1 - p) * [0.65, 0.8, 0.95][c])).concat(255), 4 * i));
    if (game.belief) {
      small.putImageData(image, 0, 0);
      g.drawImage(small.canvas, 0, 0, SIDE, SIDE);
    }
    if (arrows) {
      const slope = game.field(fieldPlaces, ARROWS * ARROWS, time);
      g.strokeStyle = "#444";
      g.lineWidth = 1.5;
      for (let i = 0; i < ARROWS * ARROWS; i++) {
        const [x, y] = pixel(fieldPlaces[2 * i], fieldPlaces[2 * i + 1]), long = Math.hypot(slope[2 * i], slope[2 * i + 1]);
        const reachOf = 13 * Math.min(1, long / 2) / (long || 1), dx = slope[2 * i] * reachOf, dy = -slope[2 * i + 1] * reachOf;
        g.beginPath();
        g.moveTo(x - dx, y - dy);
        g.lineTo(x + dx, y + dy);
        g.stroke();
        g.beginPath();
        g.arc(x + dx, y + dy, 2, 0, 7);
        g.stroke();
      }
    }
    const drawn = game.draw(fixed, COUNT, steps);
    for (const [some, color] of [[points.slice(0, COUNT), "#000"], [Array.from({ length: COUNT }, (_, i) => drawn.subarray(2 * i, 2 * i + 2)), "#c2006a"]]) {
      g.fillStyle = color;
      for (const [x, y] of some) { const [px, py] = pixel(x, y); g.fillRect(px - 1.5, py - 1.5, 3, 3); }
    }
    const told = Object.entries(losses).map(([who, loss]) => [who, loss?.toFixed(2) ?? "–"]), values = { rounds, ...measured(drawn), ...Object.fromEntries(told) };
    line.textContent = W.fill(player === "gan" ? words.line : words.flowing, values);
    box.shown = values;
  };
  const soon = W.soon(draw);
  const play = () => { losses = game.round({ rates, price, saturating }); rounds++; };
  const running = W.loop(box, () => {
    const until = performance.now() + 8;
    do play(); while (performance.now() < until);
    if (!Object.values(losses).every(Number.isFinite)) { stop(); begin(); say(words.broken); }
  }, () => draw());
  const stop = () => { running.toggle(false); start.textContent = words.play; };
  const begin = () => {
    game = { gan, flow }[player]({ widths, points, random: W.random(seed++) });
    fixed = game.noise(COUNT);
    rounds = 0;
    losses = player === "gan" ? { generator: Math.log(2), discriminator: 2 * Math.log(2) } : { flow: null };
    soon();
  };
  const start = W.button(words.play, () => {
    if (running.running) { stop(); draw(); return say(words.stopped, box.shown); }
    start.textContent = words.pause;
    running.toggle(true);
  });
  const rate = who => W.slider(words[who], { min: -4, max: -1, step: 0.1, value: Math.log10(rates[who]), show: v => Number((10 ** v).toPrecision(1)).toString() }, v => { rates[who] = 10 ** v; });
  const controls = {
    gan: [
      rate("generator"), rate("discriminator"),
      W.slider(words.price, { min: 0, max: 1, step: 0.05, value: price, show: v => v.toFixed(2) }, v => { price = v; }),
      W.choice(words.loss, words.losses, "other", value => { saturating = value === "minimax"; }),
    ],
    flow: [
      rate("flow"),
      W.slider(words.steps, { min: 1, max: 40, step: 1, value: steps, show: String }, v => { steps = v; soon(); }),
      W.slider(words.time, { min: 0, max: 1, step: 0.05, value: time, show: v => v.toFixed(2) }, v => { time = v; soon(); }),
    ],
  };
  const shown = W.tag("div", { class: "stack" }, ...controls.gan);
  const pick = W.choice(words.player, words.players, player, value => {
    stop();
    player = value;
    shown.replaceChildren(...controls[player]);
    begin();
    say(words.anew);
  });
  begin();
  draw();
  say(words.start);
  return [W.tag("div", { class: "pair" }, W.tag("div", { class: "stack" }, canvas, line), W.tag("div", { class: "stack" },
    W.tag("div", { class: "line" }, start, W.button(words.once, () => { play(); draw(); say(words.stopped, box.shown); }), W.button(words.again, () => { stop(); begin(); say(words.anew); })),
    pick, shown,
    W.choice(words.field, words.fields, "hidden", value => { arrows = value === "shown"; soon(); })))];
};
})();
