/* Sampler: from noise to a digit in the codes of a VAE, along one of two paths, in as many steps as asked for. */
courseWidgets.kinds.sampler = ({ box, words, facts, say, flow, decoder }) => {
  const W = courseWidgets, { latent } = facts, WAVES = 32, SHOWN = 10;
  let seed = 1, digit = 3, path = "straight", solver = "heun", steps = 10, guidance = 1, stop = 0, way;

  /* x and noise, as the network estimates them, where cos(angle) x + sin(angle) noise is y: the same on every path. */
  const estimates = (y, angle) => {
    const input = new Float32Array(2 * (latent + 2 * WAVES + 11)); // with the label, and without
    for (let k = 0, at = 0; k < 2; k++) {
      input.set(y, at);
      for (let i = 0; i < WAVES; i++) {
        const turned = angle * 128 ** (i / (WAVES - 1));
        input[at + latent + i] = Math.cos(turned);
        input[at + latent + WAVES + i] = Math.sin(turned);
      }
      input[at + latent + 2 * WAVES + (k || digit === "any" ? 10 : digit)] = 1;
      at += latent + 2 * WAVES + 11;
    }
    const { data } = flow.run(input), [c, s] = [Math.cos(angle), Math.sin(angle)];
    const x = [], noise = [];
    for (let i = 0; i < latent; i++) { // the network estimates noise - x
      const u = data[latent + i] + guidance * (data[i] - data[latent + i]);
      x.push((y[i] - s * u) / (c + s));
      noise.push((y[i] + c * u) / (c + s));
    }
    return { x, noise };
  };
  const mix = (a, x, b, noise) => x.map((v, i) => a * v + b * noise[i]);

  /* alpha and sigma at t, and how fast they change. */
  const PATHS = {
    straight: t => [1 - t, t, -1, 1],
    cosine: t => { const a = Math.PI / 2 * t; return [Math.cos(a), Math.sin(a), -Math.PI / 2 * Math.sin(a), Math.PI / 2 * Math.cos(a)]; },
  };
  const velocity = (z, t) => {
    const [alpha, sigma, dalpha, dsigma] = PATHS[path](t), scale = Math.hypot(alpha, sigma);
    const found = estimates(z.map(v => v / scale), Math.atan2(sigma, alpha));
    return { ...found, slope: mix(dalpha, found.x, dsigma, found.noise) };
  };
  const drawn = () => { // all stops on the way: where z is, and what the network takes for the digit there
    const random = W.random(seed);
    const start = Array.from({ length: latent }, () => W.normal(random)), stops = [];
    let z = start, evaluations = 0;
    for (let k = steps; k > 0; k--) {
      const t = k / steps, after = (k - 1) / steps, now = velocity(z, t);
      evaluations++;
      stops.push(now.x);
      let slope = now.slope;
      if (solver === "heun" && after > 0) {
        const ahead = velocity(mix(1, z, after - t, slope), after).slope;
        evaluations++;
        slope = mix(0.5, slope, 0.5, ahead);
      }
      z = mix(1, z, after - t, slope);
    }
    return { stops: [...stops, z], evaluations, start, z };
  };

  const big = W.picture(28, 28, words.big), strip = Array.from({ length: SHOWN }, (_, i) => W.picture(28, 28, W.fill(words.stop, { number: i + 1 })));
  const show = () => {
    const { stops } = way, at = Math.round(stop * (stops.length - 1)), chosen = strip.map((_, i) => stops[Math.round(i * (stops.length - 1) / (SHOWN - 1))]);
    const { data } = decoder.run(Float32Array.from([stops[at], ...chosen].flat()));
    big.paint(data.subarray(0, 784));
    strip.forEach((canvas, i) => canvas.paint(data.subarray(784 * (i + 1), 784 * (i + 2))));
    box.shown = { z: way.z, start: way.start, at, image: data.slice(784 * SHOWN, 784 * (SHOWN + 1)) };
  };
  const draw = () => { way = drawn(); show(); };
  const soon = W.soon(draw), told = () => say(words.drawn, { evaluations: way.evaluations });
  const tellSoon = () => requestAnimationFrame(() => requestAnimationFrame(told)); // once it is drawn
  const change = f => value => { f(value); stop = 1; along.set(100); soon(); };
  const choose = f => value => { change(f)(value); tellSoon(); };
  const along = W.slider(words.along, { min: 0, max: 100, step: 1, value: 100, show: v => `${v} %` }, value => { stop = value / 100; show(); });
  const play = W.loop(box, () => {
    stop = Math.min(1, stop + 0.01);
    along.set(Math.round(100 * stop));
    if (stop === 1) { play.toggle(false); told(); }
  }, show);
  stop = 1;
  draw();
  say(words.start);
  const choices = [
    W.choice(words.digit, { ...Object.fromEntries(Array.from({ length: 10 }, (_, d) => [d, String(d)])), any: words.any }, digit, choose(value => { digit = value === "any" ? value : Number(value); })),
    W.choice(words.path, { straight: words.straight, cosine: words.cosine }, path, choose(value => { path = value; })),
    W.choice(words.solver, { euler: words.euler, heun: words.heun }, solver, choose(value => { solver = value; })),
  ];
  const sliders = [
    W.slider(words.steps, { min: 1, max: 20, step: 1, value: steps, show: String }, change(value => { steps = value; })),
    W.slider(words.guidance, { min: 0, max: 6, step: 0.5, value: guidance }, change(value => { guidance = value; })),
    along,
  ];
  for (const input of sliders) input.querySelector("input").addEventListener("change", tellSoon);
  const buttons = [
    W.button(words.play, () => { stop = 0; play.toggle(true); }),
    W.button(words.again, choose(() => { seed++; })),
  ];
  return [
    W.tag("div", { class: "pair" }, W.tag("div", { class: "small" }, big), W.tag("div", { class: "stack" }, ...choices, ...sliders, W.tag("div", { class: "line" }, ...buttons))),
    W.tag("div", { class: "strip", role: "group", "aria-label": words.strip }, ...strip),
  ];
};
