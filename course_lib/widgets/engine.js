/* Runs a trained network in the page. One classic script that asks for no other file, so it also works in a book opened from disk.

   A tensor is {at, c, n, h, w}: c channels of n images of h x w numbers each, in `memory` from place `at` on. A channel is one row of
   n h w numbers, made up to an odd multiple of 8. So a dense layer, and a convolution whose windows have become columns, is one product
   of matrices, `gemm`, for all images at once. */
(() => {
"use strict";
if (window.courseWidgets) return; // a notebook shows several widgets, each with its scripts

// The product of matrices

let memory, numbers, top = 0, gemm; // the numbers up to `top` are taken

/* c += a b for a (M, K), b (K, N), c (M, N), rows one after the other; M a multiple of 4, N of 8. In plain JavaScript: */
function plain(M, N, K, a, b, c) {
  for (let i = 0; i < M; i++) for (let k = 0; k < K; k++) {
    const weight = numbers[a + i * K + k];
    if (weight) for (let j = 0, p = b + k * N, q = c + i * N; j < N; j++) numbers[q + j] += weight * numbers[p + j];
  }
}

/* The same in WebAssembly, put together here byte by byte: four rows of c by eight columns at a time, eight sums in registers. */
function assembled() {
  const [M, N, K, a, b, c, step, row, row2, row3, i, j, o, p, w, end, x, y, v, ...sums] = Array(27).keys(); // the local variables
  const size = n => n < 128 ? [n] : [n & 127 | 128, ...size(n >> 7)];
  const get = i => [0x20, i], set = (i, value) => [...value, 0x21, i], constant = n => [0x41, n];
  const add = (a, b) => [...a, ...b, 0x6a], times = (a, b) => [...a, ...b, 0x6c];
  const four = { load: (at, offset = 0) => [...at, 0xfd, 0, 2, offset], repeat: at => [...at, 0xfd, 9, 2, 0], // float32 x 4
    store: (at, value, offset) => [...at, ...value, 0xfd, 11, 2, offset],
    add: (a, b) => [...a, ...b, 0xfd, 0xe4, 1], times: (a, b) => [...a, ...b, 0xfd, 0xe6, 1] };
  const loop = (i, limit, ...body) => [3, 0x40, ...body.flat(), ...get(i), ...get(limit), 0x48, 0x0d, 0, 0x0b]; // while i < limit
  const rows = f => [0, 1, 2, 3].flatMap(f);
  const place = r => add(get(o), times(constant(r), get(step))); // of row r of the block of c
  const body = [
    set(step, times(get(N), constant(4))), set(row, times(get(K), constant(4))), // bytes from row to row
    set(row2, add(get(row), get(row))), set(row3, add(get(row2), get(row))),
    loop(j, step,
      set(i, constant(0)),
      loop(i, M,
        set(w, add(get(a), times(get(i), get(row)))), set(end, add(get(w), get(row))),
        set(o, add(add(get(c), get(j)), times(get(i), get(step)))), set(p, add(get(b), get(j))),
        rows(r => [...set(sums[2 * r], four.load(place(r))), ...set(sums[2 * r + 1], four.load(place(r), 16))]),
        loop(w, end,
          set(x, four.load(get(p))), set(y, four.load(get(p), 16)),
          rows(r => [...set(v, four.repeat(r ? add(get(w), get([row, row2, row3][r - 1])) : get(w))), ...[x, y].flatMap((part, h) =>
            set(sums[2 * r + h], four.add(get(sums[2 * r + h]), four.times(get(v), get(part)))))]),
          set(w, add(get(w), constant(4))), set(p, add(get(p), get(step)))),
        rows(r => [0, 1].flatMap(h => four.store(place(r), get(sums[2 * r + h]), 16 * h))),
        set(i, add(get(i), constant(4)))),
      set(j, add(get(j), constant(32)))),
  ].flat();
  const code = [2, 10, 0x7f, 11, 0x7b, ...body, 0x0b], text = s => [s.length, ...new TextEncoder().encode(s)];
  const section = (id, ...bytes) => [id, ...size(bytes.length), ...bytes];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, 1, 0x60, 6, ...Array(6).fill(0x7f), 0), ...section(3, 1, 0),
    ...section(5, 1, 0, 16), ...section(7, 2, ...text("memory"), 2, 0, ...text("gemm"), 0, 0), ...section(10, 1, ...size(code.length), ...code)]);
}

function start(wasm) { // false: without WebAssembly, as in an old browser or where a page forbids it
  top = 0;
  memory = null; numbers = new Float32Array(1 << 18); gemm = plain;
  if (wasm) try {
    const { memory: own, gemm: product } = new WebAssembly.Instance(new WebAssembly.Module(assembled())).exports;
    memory = own; numbers = new Float32Array(memory.buffer);
    gemm = (M, N, K, a, b, c) => product(M, N, K, 4 * a, 4 * b, 4 * c);
  } catch { /* plain it is */ }
  return memory ? "wasm" : "plain";
}

// Tensors

const up = (n, to) => Math.ceil(n / to) * to;
const row = t => up(t.n * t.h * t.w, 8) | 8; // never a power of two: numbers below each other would share their place in the cache
const make = (c, n, h, w) => ({ at: reserve(up(c, 4) * row({ n, h, w })), c, n, h, w });

function reserve(count) {
  const at = top;
  top += up(count, 16);
  if (top > numbers.length) {
    const old = numbers;
    if (memory) { memory.grow(Math.ceil((top - old.length) / 16384) + 64); numbers = new Float32Array(memory.buffer); }
    else { numbers = new Float32Array(2 * top); numbers.set(old); }
  }
  return at;
}

function put(data, [c, h, w], n) { // (N, C, H, W) -> tensor
  const t = make(c, n, h, w), area = h * w;
  for (let i = 0; i < n; i++) for (let k = 0; k < c; k++)
    numbers.set(data.subarray((i * c + k) * area, (i * c + k + 1) * area), t.at + k * row(t) + i * area);
  return t;
}

function take(t) { // tensor -> {shape, data}, (N, C, H, W)
  const { at, c, n, h, w } = t, area = h * w, data = new Float32Array(n * c * area);
  for (let i = 0; i < n; i++) for (let k = 0; k < c; k++)
    data.set(numbers.subarray(at + k * row(t) + i * area, at + k * row(t) + (i + 1) * area), (i * c + k) * area);
  return { shape: [n, c, h, w], data };
}

// Layers: each makes of a tensor and what its step says another tensor

function product({ weight, bias }, at, N, out) { // out = weight times the matrix at `at`, plus bias
  for (let o = 0; o < up(weight.rows, 4); o++) numbers.fill(bias && o < weight.rows ? bias[o] : 0, out + o * N, out + o * N + N);
  gemm(up(weight.rows, 4), N, weight.columns, weight.at, at, out);
}

const each = f => (x, step) => {
  for (let data = numbers, i = x.at, end = x.at + x.c * row(x); i < end; i++) data[i] = f(data[i], step);
  return x;
};

const LAYERS = {
  relu: each(v => v > 0 ? v : 0),
  leaky: each((v, { slope }) => v > 0 ? v : slope * v),
  tanh: each(Math.tanh),
  sigmoid: each(v => 1 / (1 + Math.exp(-v))),
  silu: each(v => v / (1 + Math.exp(-v))),
  dense(x, step) {
    const y = make(step.weight.rows, x.n, x.h, x.w);
    product(step, x.at, row(x), y.at);
    return y;
  },
  flatten(x) { // c channels of n images -> c h w channels of n numbers
    const area = x.h * x.w, y = make(x.c * area, x.n, 1, 1);
    for (let c = 0; c < x.c; c++) for (let p = 0; p < area; p++) for (let n = 0; n < x.n; n++)
      numbers[y.at + (c * area + p) * row(y) + n] = numbers[x.at + c * row(x) + n * area + p];
    return y;
  },
  unflatten(x, { shape: [c, h, w] }) {
    const area = h * w, y = make(c, x.n, h, w);
    for (let k = 0; k < c; k++) for (let p = 0; p < area; p++) for (let n = 0; n < x.n; n++)
      numbers[y.at + k * row(y) + n * area + p] = numbers[x.at + (k * area + p) * row(x) + n];
    return y;
  },
  conv(x, step) { // each window becomes a column, then one product
    const { kernel: [kh, kw], stride, padding } = step;
    const h = Math.floor((x.h + 2 * padding - kh) / stride) + 1, w = Math.floor((x.w + 2 * padding - kw) / stride) + 1;
    const y = make(step.weight.rows, x.n, h, w), N = row(y), columns = reserve(step.weight.columns * N);
    numbers.fill(0, columns, columns + step.weight.columns * N); // the padding
    for (let c = 0, to = columns; c < x.c; c++) for (let u = 0; u < kh; u++) for (let v = 0; v < kw; v++, to += N)
      for (let n = 0; n < x.n; n++) for (let i = 0; i < h; i++) {
        const r = i * stride + u - padding, from = x.at + c * row(x) + (n * x.h + r) * x.w + v - padding;
        const first = Math.max(0, Math.ceil((padding - v) / stride)), last = Math.min(w, Math.ceil((x.w + padding - v) / stride));
        if (r >= 0 && r < x.h) for (let j = first; j < last; j++) numbers[to + (n * h + i) * w + j] = numbers[from + j * stride];
      }
    product(step, columns, N, y.at);
    top = columns; // which are not needed any more
    return y;
  },
  deconv(x, step) { // one product makes a stamp of each pixel; the stamps are added up. weight: (O kh kw) rows of C
    const { kernel: [kh, kw], stride, padding, channels, bias } = step;
    const h = stride * (x.h - 1) + kh - 2 * padding, w = stride * (x.w - 1) + kw - 2 * padding;
    const y = make(channels, x.n, h, w), N = row(x), stamps = reserve(up(step.weight.rows, 4) * N);
    product({ weight: step.weight }, x.at, N, stamps);
    for (let o = 0; o < channels; o++) numbers.fill(bias[o], y.at + o * row(y), y.at + (o + 1) * row(y));
    for (let o = 0, from = stamps; o < channels; o++) for (let u = 0; u < kh; u++) for (let v = 0; v < kw; v++, from += N)
      for (let n = 0; n < x.n; n++) for (let i = 0; i < x.h; i++) {
        const r = i * stride + u - padding, to = y.at + o * row(y) + (n * h + r) * w + v - padding;
        const first = Math.max(0, Math.ceil((padding - v) / stride)), last = Math.min(x.w, Math.ceil((w + padding - v) / stride));
        if (r >= 0 && r < h) for (let j = first; j < last; j++) numbers[to + j * stride] += numbers[from + (n * x.h + i) * x.w + j];
      }
    return y;
  },
  groupnorm(x, { groups, eps, scale, bias }) {
    const y = make(x.c, x.n, x.h, x.w), area = x.h * x.w, size = x.c / groups, data = numbers;
    for (let n = 0; n < x.n; n++) for (let g = 0; g < x.c; g += size) {
      let sum = 0, squares = 0;
      const start = c => c * row(x) + n * area; // of a channel, seen from the first
      for (let c = g; c < g + size; c++) for (let i = x.at + start(c), end = i + area; i < end; i++) sum += data[i];
      const mean = sum / size / area;
      for (let c = g; c < g + size; c++) for (let i = x.at + start(c), end = i + area; i < end; i++) squares += (data[i] - mean) * (data[i] - mean);
      const deviation = Math.sqrt(squares / size / area + eps);
      for (let c = g; c < g + size; c++) for (let p = start(c), end = p + area, times = scale[c] / deviation, plus = bias[c] - mean * times; p < end; p++)
        data[y.at + p] = times * data[x.at + p] + plus;
    }
    return y;
  },
  maxpool(x, { size }) {
    const y = make(x.c, x.n, Math.floor(x.h / size), Math.floor(x.w / size));
    for (let c = 0; c < x.c; c++) for (let n = 0; n < x.n; n++) for (let i = 0; i < y.h; i++) for (let j = 0; j < y.w; j++) {
      let best = -Infinity;
      for (let u = 0; u < size; u++) for (let v = 0; v < size; v++)
        best = Math.max(best, numbers[x.at + c * row(x) + (n * x.h + i * size + u) * x.w + j * size + v]);
      numbers[y.at + c * row(y) + (n * y.h + i) * y.w + j] = best;
    }
    return y;
  },
  average(x) { // over all places
    const y = make(x.c, x.n, 1, 1), area = x.h * x.w;
    for (let c = 0; c < x.c; c++) for (let n = 0; n < x.n; n++) {
      let sum = 0;
      for (let p = 0; p < area; p++) sum += numbers[x.at + c * row(x) + n * area + p];
      numbers[y.at + c * row(y) + n] = sum / area;
    }
    return y;
  },
  residual(x, { body, shortcut, stride }, kept) { // the shortcut: its own steps, or every `stride`th pixel of x
    const y = through(body, x, kept), s = shortcut ? through(shortcut, x, kept) : x;
    for (let c = 0; c < Math.min(s.c, y.c); c++) for (let n = 0; n < y.n; n++) for (let i = 0; i < y.h; i++) for (let j = 0; j < y.w; j++)
      numbers[y.at + c * row(y) + (n * y.h + i) * y.w + j] += numbers[s.at + c * row(s) + (n * s.h + i * stride) * s.w + j * stride];
    return y;
  },
  told(x, { size, first, angle, label, blocks, last }) { // x: what is noisy, then the waves of the angle, then the label's place
    const part = (from, c) => ({ ...x, at: x.at + from * row(x), c }), waves = angle[0].weight.columns;
    const plus = (a, b) => { for (let i = 0; i < a.c * row(a); i++) numbers[a.at + i] += numbers[b.at + i]; return a; };
    const copy = a => { const b = make(a.c, a.n, a.h, a.w); numbers.copyWithin(b.at, a.at, a.at + a.c * row(a)); return b; };
    const tells = LAYERS.silu(plus(through(angle, part(size, waves)), through(label, part(size + waves, label[0].weight.columns))));
    const h = through(first, part(0, size));
    for (const block of blocks) plus(h, through(block, plus(copy(h), tells)));
    return through(last, h);
  },
  keep(x, { name }, kept) { kept[name] = take(x); return x; }, // for the widget to show
};

const PARTS = ["body", "shortcut", "first", "angle", "label", "blocks", "last", "queries", "keys", "out"]; // of a step, which are lists of steps
const through = (steps, x, kept) => steps.reduce((value, step) => LAYERS[step.layer](value, step, kept), x);

// Networks

function half(x) { // the bits of a float16 -> its number
  const exponent = x >> 10 & 31, fraction = x & 1023, sign = x >> 15 ? -1 : 1;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/* A file of safetensors: 8 bytes of length, a JSON header, the numbers. Integers of 8 bits are to be multiplied by their row's scale. */
function unpack(file) {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true)), tensors = {};
  const { __metadata__: { program }, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  for (const [name, { dtype, data_offsets: [from, to] }] of Object.entries(entries)) {
    const raw = file.slice(8 + length + from, 8 + length + to).buffer;
    tensors[name] = dtype === "F16" ? Float32Array.from(new Uint16Array(raw), half) : new Float32Array(new { F32: Float32Array, I8: Int8Array }[dtype](raw));
    if (!tensors[name].every(Number.isFinite)) throw new Error("Expected weights that are all finite, got nan or inf: export the network anew");
  }
  for (const [name, data] of Object.entries(tensors)) {
    const scales = tensors[`${name} scale`];
    if (scales) for (let i = 0, size = data.length / scales.length; i < data.length; i++) data[i] *= scales[Math.floor(i / size)];
  }
  return { tensors, program: JSON.parse(program) };
}

class Network {
  constructor(file) {
    const { tensors, program } = unpack(file);
    const place = step => { // names of tensors become numbers, matrices go into the memory, their rows made up to a multiple of 4
      if (Array.isArray(step)) return step.map(place);
      if (!LAYERS[step.layer]) throw new Error(`Expected a layer that engine.js knows (${Object.keys(LAYERS).join(", ")}), got ${step.layer}`);
      const ready = { ...step, bias: tensors[step.bias], scale: tensors[step.scale] };
      for (const part of PARTS) ready[part] = step[part]?.map(place);
      if (step.weight) {
        const data = tensors[step.weight], rows = step.rows, columns = data.length / rows, at = reserve(up(rows, 4) * columns);
        numbers.fill(0, at, at + up(rows, 4) * columns);
        numbers.set(data, at);
        ready.weight = { at, rows, columns };
      }
      return ready;
    };
    this.input = program.input; // (C, H, W)
    this.steps = program.steps.map(place);
    Network.end = top; // what a run needs comes after the weights of all networks
  }
  /* The weights of a step, its matrix's rows one after the other. */
  matrix({ weight: { at, rows, columns } }) { return numbers.slice(at, at + rows * columns); }
  /* x: (N, C, H, W) as one Float32Array -> {shape, data} of the answer, and `kept`, the same of each tensor that a step keeps.
     beside: what else steps look for in `kept`, {name: [data, [C, H, W], N]}. */
  run(x, beside = {}) {
    const n = x.length / this.input.reduce((a, b) => a * b), kept = {};
    if (!Number.isInteger(n) || n < 1) throw new Error(`Expected images of ${this.input.join(" x ")} numbers, got ${x.length} numbers.`);
    top = Network.end;
    for (const [name, some] of Object.entries(beside)) kept[name] = put(...some);
    return { ...take(through(this.steps, put(x, this.input, n), kept)), kept };
  }
}

// What a page calls

const files = {}, networks = {};

/* A file of weights: safetensors, deflated, in base64. */
function file(name, base64) { files[name] = base64; }

async function load(name) {
  const text = atob(files[name]), packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Network(new Uint8Array(await new Response(stream).arrayBuffer()));
}

const network = name => networks[name] ??= load(name); // a promise, once for the page

function use(wasm) { // begin anew, with or without WebAssembly
  for (const name in networks) delete networks[name];
  return window.courseWidgets.backend = start(wasm);
}

const inside = { each, make, row, through, get numbers() { return numbers; } }; // for scripts that bring layers of their own
window.courseWidgets = { file, network, use, inside, layers: LAYERS, kinds: {}, backend: start(true) };
})();
