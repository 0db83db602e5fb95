/* Ask for a digit: ten labels with one noise, and the noise turned by hand. */
courseWidgets.kinds.ask = ({ box, words, facts, say, generator }) => {
  const W = courseWidgets, { latent, directions } = facts, random = W.random(3);
  const noise = () => Float32Array.from({ length: latent }, () => W.normal(random));
  let digit = 3, z = noise(), size = 1;

  const big = W.picture(28, 28, words.big), strip = Array.from({ length: 10 }, (_, d) => W.picture(28, 28, W.fill(words.one, { digit: d })));
  const draw = () => {
    const x = new Float32Array(10 * (latent + 10)); // each row: the noise, then 1 for the label and 0 for the others
    for (let d = 0; d < 10; d++) {
      x.set(z.map(v => size * v), d * (latent + 10));
      x[d * (latent + 10) + latent + d] = 1;
    }
    const images = generator.run(x).data;
    strip.forEach((canvas, d) => canvas.paint(images.subarray(784 * d, 784 * (d + 1)), [-1, 1]));
    big.paint(images.subarray(784 * digit, 784 * (digit + 1)), [-1, 1]);
    box.shown = { digit, z: z.map(v => size * v), image: images.slice(784 * digit, 784 * (digit + 1)) };
  };
  const soon = W.soon(draw);

  const along = name => directions[name].reduce((sum, v, i) => sum + v * z[i], 0); // how far z lies along a direction
  const turned = Object.keys(directions).map(name => {
    const slider = W.slider(words[name], { min: -3, max: 3, step: 0.1, value: along(name) }, value => {
      const by = value - along(name);
      z = z.map((v, i) => v + by * directions[name][i]);
      soon();
    });
    slider.follow = () => slider.set(along(name));
    return slider;
  });
  const loudness = W.slider(words.size, { min: 0, max: 2, step: 0.05, value: 1 }, value => { size = value; soon(); });
  const pick = W.choice(words.label, Object.fromEntries(strip.map((_, d) => [d, String(d)])), digit, value => {
    digit = Number(value);
    soon();
    say(words.asked, { digit });
  });
  const again = W.button(words.again, () => {
    z = noise();
    turned.forEach(slider => slider.follow());
    soon();
    say(words.new);
  });
  draw();
  say(words.start);
  return [
    W.tag("div", { class: "pair" }, W.tag("div", { class: "small" }, big), W.tag("div", { class: "stack" }, pick, ...turned, loudness, W.tag("div", { class: "line" }, again))),
    W.tag("div", { class: "strip", role: "group", "aria-label": words.strip }, ...strip),
    W.tag("p", { class: "note" }, words.note),
  ];
};
