/* Draw what a sentence says: a U-Net takes the noise away, step by step, while its places look at the words. */
courseWidgets.kinds.sentence = ({ box, words, facts, say, reader, painter }) => {
  const W = courseWidgets, WAVES = 32, SHIFT = 3, SIDE = 32, SIZE = 3 * SIDE * SIDE, SHOWN = 10, known = facts.words;
  let seed = 1, chosen = 20, guidance = 4, steps, z, k, told, stops; // chosen: for the next picture

  /* How many letters one word is from another: to be left out, put in, or changed (Levenshtein). */
  const apart = (a, b) => {
    let line = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
      const above = line;
      line = [i];
      for (let j = 1; j <= b.length; j++) line[j] = Math.min(above[j] + 1, line[j - 1] + 1, above[j - 1] + (a[i - 1] !== b[j - 1]));
    }
    return line[b.length];
  };
  const parted = sentence => sentence.toLowerCase().replace(/[,.]/g, " ").split(/\s+/).filter(Boolean);
  /* What is wrong with the words of a sentence: [text, values] for say; or nothing. */
  const trouble = list => {
    if (!list.length || list.length > facts.longest) return [words.length, { count: list.length, longest: facts.longest }];
    const word = list.find(each => !known.includes(each));
    if (!word) return null;
    const far = other => apart(word, other), near = known.filter(other => far(other) <= word.length / 2).sort((a, b) => far(a) - far(b));
    return near.length ? [words.near, { word, near: near.slice(0, 3).join(words.or) }] : [words.unknown, { word, all: known.join(", ") }];
  };
  /* The vectors of the words of the sentence, and of none, as the painter looks at them. */
  const read = list => {
    const { longest } = facts, size = known.length + 1 + longest, input = new Float32Array(2 * longest * size);
    for (let row = 0; row < 2 * longest; row++) {
      const t = row % longest, word = row < longest && list[t];
      input[row * size + (word ? known.indexOf(word) : known.length)] = 1;
      input[row * size + known.length + 1 + t] = 1;
    }
    return [reader.run(input).data, [128, 1, 1], 2 * longest];
  };

  const time = n => { const t = n / steps; return SHIFT * t / (1 + (SHIFT - 1) * t); }; // shorter steps near the noise
  const step = () => { // along the velocity, which the network estimates with the sentence and without
    const t = time(k), scale = Math.hypot(1 - t, t), angle = Math.atan2(t, 1 - t);
    const waves = Float32Array.from({ length: 2 * WAVES }, (_, i) => [Math.cos, Math.sin][i < WAVES ? 0 : 1](angle * 128 ** (i % WAVES / (WAVES - 1))));
    const seen = z.map(v => v / scale), both = new Float32Array([...seen, ...seen]);
    const { data } = painter.run(both, { waves: [new Float32Array([...waves, ...waves]), [2 * WAVES, 1, 1], 2], words: told });
    const velocity = z.map((_, i) => data[SIZE + i] + guidance * (data[i] - data[SIZE + i]));
    stops.push(z.map((v, i) => v - t * velocity[i]));
    z = z.map((v, i) => v + (time(k - 1) - t) * velocity[i]);
    k--;
  };

  const big = W.picture(SIDE, SIDE, words.big), strip = Array.from({ length: SHOWN }, (_, i) => W.picture(SIDE, SIDE, W.fill(words.stop, { number: i + 1 })));
  const show = () => { // what the network takes for the picture so far, and at ten places of the way
    big.paint(stops.at(-1), [-1, 1]);
    strip.forEach((canvas, i) => canvas.paint(stops[Math.min(stops.length - 1, Math.round(i * (steps - 1) / (SHOWN - 1)))], [-1, 1]));
    box.shown = { ...box.shown, steps: steps - k, image: stops.at(-1) };
  };
  const way = W.loop(box, () => {
    step();
    if (k) return;
    way.toggle(false);
    show();
    say(words.drawn, { sentence: box.shown.sentence });
  }, show);
  const begin = sentence => {
    const list = parted(sentence), wrong = trouble(list);
    if (wrong) return say(...wrong);
    const random = W.random(seed);
    z = Float32Array.from({ length: SIZE }, () => W.normal(random));
    told = read(list);
    [steps, k, stops] = [chosen, chosen, []];
    box.shown = { sentence, start: z };
    say("");
    step();
    show();
    way.toggle(true);
  };

  const id = `sentence-${W.count = (W.count ?? 0) + 1}`;
  const field = W.tag("input", { type: "text", id, autocomplete: "off", spellcheck: "false", maxlength: 120 });
  field.value = facts.sentences[0];
  const draw = () => begin(field.value), soon = W.soon(draw);
  const form = W.tag("form", { class: "line", onsubmit: event => { event.preventDefault(); draw(); } },
    W.tag("label", { for: id }, words.sentence), field, W.tag("button", { type: "submit" }, words.draw));
  const sliders = [
    W.slider(words.steps, { min: 1, max: 20, step: 1, value: chosen, show: String }, value => { chosen = value; soon(); }),
    W.slider(words.guidance, { min: 0, max: 8, step: 0.5, value: guidance }, value => { guidance = value; soon(); }),
  ];
  const examples = facts.sentences.map(sentence => W.button(sentence, () => { field.value = sentence; draw(); }));
  draw();
  say(words.start);
  return [
    form,
    W.tag("div", { class: "pair" }, W.tag("div", { class: "small" }, big), W.tag("div", { class: "stack" }, ...sliders,
      W.tag("div", { class: "line" }, W.button(words.again, () => { seed++; draw(); })))),
    W.tag("div", { class: "strip", role: "group", "aria-label": words.strip }, ...strip),
    W.tag("div", { class: "stack", role: "group", "aria-label": words.examples }, W.tag("p", { class: "note" }, words.examples), ...examples),
  ];
};
