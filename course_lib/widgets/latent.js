/* Latent plane: drag a point between three digits, of the test set or drawn by the reader; two walks from the first to the second; thickness and slant added. */
courseWidgets.kinds.latent = ({ box, words, facts, say, encoder, decoder }) => {
  const W = courseWidgets, { directions } = facts, codes = [...facts.codes], digits = [...facts.digits], OFFERED = codes.length, SIDE = 320, REACH = 40;
  const names = Object.keys(directions), corners = [[0, 0], [1, 0], [0, 1]]; // places of the three digits in the plane
  let chosen = [9, 15, 24], at = [0.3, 0.3], own = null;
  const added = Object.fromEntries(names.map(name => [name, 0]));

  const blend = weights => codes[0].map((_, i) => weights.reduce((sum, w, k) => sum + w * codes[chosen[k]][i], 0)
    + names.reduce((sum, name) => sum + added[name] * directions[name][i], 0));
  const decode = all => {
    const { data } = decoder.run(Float32Array.from(all.flat()));
    return all.map((_, n) => data.subarray(784 * n, 784 * n + 784));
  };
  const norm = v => Math.hypot(...v);
  const [straight, spherical] = [(a, b, t) => a.map((v, i) => (1 - t) * v + t * b[i]), (a, b, t) => {
    const angle = Math.acos(Math.min(1, a.reduce((sum, v, i) => sum + v * b[i], 0) / norm(a) / norm(b)));
    return angle < 1e-4 ? a : a.map((v, i) => (Math.sin((1 - t) * angle) * v + Math.sin(t * angle) * b[i]) / Math.sin(angle));
  }];

  const big = W.picture(28, 28, words.big);
  const strips = [words.straight, words.spherical].map(label => ({ label, canvases: Array.from({ length: 10 }, (_, i) => W.picture(28, 28, W.fill(words.step, { number: i + 1 }))) }));
  const place = ([s, t]) => [REACH + s * (SIDE - 2 * REACH), SIDE - REACH - t * (SIDE - 2 * REACH)];
  const plane = () => {
    const g = pad.getContext("2d"), style = getComputedStyle(box);
    g.fillStyle = style.getPropertyValue("--soft");
    g.fillRect(0, 0, SIDE, SIDE);
    g.strokeStyle = style.getPropertyValue("--muted");
    g.lineWidth = 1.5;
    g.beginPath();
    corners.forEach((corner, k) => g[k ? "lineTo" : "moveTo"](...place(corner)));
    g.closePath();
    g.stroke();
    const shown = W.picture(28, 28, "");
    corners.forEach((corner, k) => {
      const [x, y] = place(corner);
      shown.paint(faces[k]);
      g.imageSmoothingEnabled = false;
      g.drawImage(shown, x - 21, y - 21, 42, 42);
    });
    g.beginPath();
    g.arc(...place(at), 9, 0, 7);
    g.fillStyle = "#e69f00";
    g.strokeStyle = "#000";
    g.fill();
    g.stroke();
  };
  let faces;
  const draw = () => {
    const [s, t] = at, z = blend([1 - s - t, s, t]), ends = [blend([1, 0, 0]), blend([0, 1, 0]), blend([0, 0, 1])];
    const [image, ...others] = decode([z, ...ends]);
    faces = others;
    big.paint(image);
    plane();
    box.shown = { z, image, length: norm(z), at };
  };
  const walks = () => {
    const [a, b] = [blend([1, 0, 0]), blend([0, 1, 0])];
    strips.forEach(({ canvases }, which) => {
      const images = decode(canvases.map((_, i) => [straight, spherical][which](a, b, i / 9)));
      canvases.forEach((canvas, i) => canvas.paint(images[i]));
    });
  };
  const soon = W.soon(draw), all = W.soon(() => { draw(); walks(); });
  const told = () => say(words.moved, { a: Math.round(100 * (1 - at[0] - at[1])), b: Math.round(100 * at[0]), c: Math.round(100 * at[1]), first: digits[chosen[0]], second: digits[chosen[1]], third: digits[chosen[2]], length: norm(blend([1 - at[0] - at[1], ...at])).toFixed(1) });
  const move = (s, t) => { at = [s, t].map(v => Math.max(-0.12, Math.min(1.12, v))); soon(); };
  const drag = (x, y) => move((x - REACH) / (SIDE - 2 * REACH), (SIDE - REACH - y) / (SIDE - 2 * REACH));
  const pad = W.pad(SIDE, SIDE, words.pad, {
    down: drag, move: drag, up: told,
    keys: (x, y) => { move(at[0] + 0.05 * x, at[1] - 0.05 * y); told(); },
  });
  pad.classList.add("smooth");
  const another = ["first", "second", "third"].map((name, k) => W.button(words[name], () => {
    do chosen[k] = (chosen[k] + 7) % OFFERED; while (chosen.filter(each => each === chosen[k]).length > 1); // 7 and 30: all in turn
    all();
    say(words.chosen, { name: words[name], digit: digits[chosen[k]] });
  }));
  const field = W.drawing(words.field, { drawn: numbers => { own = numbers; }, finished: () => say(words.drawn) });
  const mine = ["mineFirst", "mineSecond", "mineThird"].map((name, k) => W.button(words[name], () => {
    if (!own) return say(words.empty);
    const mean = encoder.run(own.map(v => v > 0.5 ? 1 : 0)).data.slice(0, codes[0].length); // the VAE knows black and white alone
    chosen[k] = codes.push([...mean]) - 1;
    digits.push(words.own);
    all();
    box.placed = { x: own, mean };
    say(words.placed, { name: words[name] });
  }));
  const clear = W.button(words.clear, () => { field.wipe(); own = null; say(words.empty); });
  const sliders = names.map(name => W.slider(words[name], { min: -1.5, max: 1.5, step: 0.1, value: 0 }, value => { added[name] = value; all(); }));
  draw();
  walks();
  say(words.start);
  return [
    W.tag("div", { class: "pair" }, W.tag("div", { class: "stack" }, W.tag("div", { class: "wide" }, pad), W.tag("div", { class: "line" }, ...another)),
      W.tag("div", { class: "stack" }, W.tag("div", { class: "small" }, big), ...sliders)),
    W.tag("div", { class: "pair" }, W.tag("div", { class: "small" }, field), W.tag("div", { class: "line" }, ...mine, clear)),
    ...strips.map(({ label, canvases }) => W.tag("figure", {}, W.tag("figcaption", {}, label), W.tag("div", { class: "strip" }, ...canvases))),
  ];
};
