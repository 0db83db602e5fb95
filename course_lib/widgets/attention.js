/* Layers of a network that draws what a sentence asks for: places look at places and at words, and what was there on the way down
   comes back on the way up. `kept` holds what a run is given beside its input: waves of the angle, and the words' vectors. */
(() => {
"use strict";
const W = courseWidgets, { each, make, row, through } = W.inside;

/* The error function, off by 1.5e-7 at most (Abramowitz and Stegun, 7.1.26). */
const erf = v => {
  const t = 1 / (1 + 0.3275911 * Math.abs(v));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(v) * (1 - sum * Math.exp(-v * v));
};

Object.assign(W.layers, {
  gelu: each(v => v / 2 * (1 + erf(v / Math.SQRT2))),
  attention(x, { heads, places = x.h * x.w, words, queries, keys, out }, kept) { // words: of a sentence; without, x looks at itself
    const q = through(queries, x), kv = through(keys, words ? kept.words : x), found = make(q.c, x.n, x.h, x.w);
    const { numbers } = W.inside, count = words ?? places, size = q.c / heads, images = x.n * x.h * x.w / places, scores = new Array(count);
    for (let n = 0; n < images; n++) for (let head = 0; head < q.c; head += size) for (let p = n * places; p < (n + 1) * places; p++) {
      const keysAt = kv.at + head * row(kv) + n * count, valuesAt = keysAt + q.c * row(kv), at = head * row(q) + p; // channels are a row apart
      scores.fill(0);
      for (let c = 0; c < size; c++) for (let t = 0, wanted = numbers[q.at + at + c * row(q)] / Math.sqrt(size), key = keysAt + c * row(kv); t < count; t++)
        scores[t] += wanted * numbers[key + t];
      const weights = W.softmax(scores);
      for (let c = 0; c < size; c++) {
        let mean = 0;
        for (let t = 0, value = valuesAt + c * row(kv); t < count; t++) mean += weights[t] * numbers[value + t];
        numbers[found.at + at + c * row(found)] = mean;
      }
    }
    return through(out, found);
  },
  tell(x, { body, words }, kept) { // what every block is told: the noise's level, and the mean of the words
    const told = kept.told = through(body, kept.waves), { numbers } = W.inside;
    for (let c = 0; c < told.c; c++) for (let n = 0; n < told.n; n++) for (let t = 0; t < words; t++)
      numbers[told.at + c * row(told) + n] += numbers[kept.words.at + c * row(kept.words) + n * words + t] / words;
    return x;
  },
  modulate(x, { body }, kept) { // scales and shifts each channel
    const told = through(body, kept.told), { numbers } = W.inside, area = x.h * x.w;
    for (let c = 0; c < x.c; c++) for (let n = 0; n < x.n; n++) {
      const scale = 1 + numbers[told.at + c * row(told) + n], shift = numbers[told.at + (x.c + c) * row(told) + n];
      for (let i = x.at + c * row(x) + n * area, end = i + area; i < end; i++) numbers[i] = scale * numbers[i] + shift;
    }
    return x;
  },
  store(x, { name }, kept) { return kept[name] = x; },
  beside(x, { name }, kept) { // the channels of what was stored, then those of x
    const stored = kept[name], y = make(stored.c + x.c, x.n, x.h, x.w), { numbers } = W.inside;
    numbers.copyWithin(y.at, stored.at, stored.at + stored.c * row(x));
    numbers.copyWithin(y.at + stored.c * row(x), x.at, x.at + x.c * row(x));
    return y;
  },
  double(x) { // twice the height and width: each pixel becomes four
    const y = make(x.c, x.n, 2 * x.h, 2 * x.w), { numbers } = W.inside;
    for (let c = 0; c < y.c; c++) for (let n = 0; n < y.n; n++) for (let i = 0; i < y.h; i++) for (let j = 0; j < y.w; j++)
      numbers[y.at + c * row(y) + (n * y.h + i) * y.w + j] = numbers[x.at + c * row(x) + (n * x.h + (i >> 1)) * x.w + (j >> 1)];
    return y;
  },
});
})();
