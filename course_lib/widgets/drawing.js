/* A field to draw a digit in, and what a network gets of it. */
(() => {
"use strict";
const W = courseWidgets, S = 280;
if (W.drawing) return;

/* begun() before a stroke, drawn(784 numbers in 0..1) along it, finished() after it; keys as of W.pad. wipe() empties the field,
   show(canvas) puts a picture into it. */
W.drawing = (label, { begun = () => {}, drawn, finished, keys }) => {
  let last;
  const pad = W.pad(S, S, label, { down: (x, y) => { begun(); last = [x, y]; stroke(x, y); }, move: (x, y) => stroke(x, y), up: finished, keys });
  const context = pad.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  const stroke = (x, y) => {
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(x, y);
    context.stroke();
    last = [x, y];
    drawn(prepared());
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
  pad.wipe = () => context.fillRect(0, 0, S, S);
  pad.show = picture => { context.imageSmoothingEnabled = false; context.drawImage(picture, 0, 0, S, S); };
  pad.wipe();
  return pad;
};
})();
