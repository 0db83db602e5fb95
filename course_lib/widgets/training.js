/* Trains small dense networks in the page: forward, backward, Adam, and the price R1, as the first chapters derive them. */
(() => {
"use strict";
const W = window.courseWidgets;
if (W.Mlp) return;

const ACTIVATIONS = { // the function, and its derivative as a function of what it returned
  relu: [a => a > 0 ? a : 0, h => h > 0 ? 1 : 0],
  leaky: [a => a > 0 ? a : 0.2 * a, h => h > 0 ? 1 : 0.2],
  tanh: [Math.tanh, h => 1 - h * h],
  none: [a => a, () => 1],
};

/* Dense layers, the activation between them and none after the last. Batches are Float64Arrays, one example after the other. */
W.Mlp = class {
  constructor(widths, activation, random) {
    this.layers = widths.slice(1).map((outputs, l) => {
      const inputs = widths[l], reach = 1 / Math.sqrt(inputs); // drawn as PyTorch draws them
      const drawn = count => Float64Array.from({ length: count }, () => reach * (2 * random() - 1));
      const parameters = [drawn(outputs * inputs), drawn(outputs)];
      return {
        inputs, outputs, parameters, activation: ACTIVATIONS[l < widths.length - 2 ? activation : "none"],
        gradients: parameters.map(p => new Float64Array(p.length)),
        moments: parameters.map(p => [new Float64Array(p.length), new Float64Array(p.length)]),
      };
    });
    this.steps = 0;
  }

  /* x: n examples -> the last layer's outputs. What each layer took and gave is kept for the way back. */
  forward(x, n) {
    for (const layer of this.layers) {
      const { inputs, outputs, parameters: [weight, bias], activation: [f] } = layer, y = new Float64Array(n * outputs);
      for (let i = 0; i < n; i++) for (let o = 0; o < outputs; o++) {
        let sum = bias[o];
        for (let k = 0, w = o * inputs, p = i * inputs; k < inputs; k++) sum += weight[w + k] * x[p + k];
        y[i * outputs + o] = f(sum);
      }
      layer.x = x; layer.y = y;
      x = y;
    }
    return x;
  }

  /* d: the loss's derivatives with respect to the outputs -> those with respect to x. Gradients are added up, if they are `wanted`. */
  backward(d, n, wanted = true) {
    for (const layer of [...this.layers].reverse()) {
      const { inputs, outputs, parameters: [weight], gradients: [dWeight, dBias], activation: [, slope], x, y } = layer;
      const delta = layer.delta = new Float64Array(n * outputs), back = new Float64Array(n * inputs);
      for (let i = 0; i < n; i++) for (let o = 0; o < outputs; o++) {
        const v = delta[i * outputs + o] = d[i * outputs + o] * slope(y[i * outputs + o]), w = o * inputs, p = i * inputs;
        for (let k = 0; k < inputs; k++) back[p + k] += v * weight[w + k];
        if (wanted) {
          dBias[o] += v;
          for (let k = 0; k < inputs; k++) dWeight[w + k] += v * x[p + k];
        }
      }
      d = back;
    }
    return d;
  }

  /* Adds the gradient of price / 2 times the mean squared gradient of the one output with respect to x, after forward(x, n).
     With v that gradient, held still, it is the gradient of v's image under the network's slopes: v goes forward through the
     layers without biases, each activation replaced by its slope. Right for activations whose slope is constant by pieces. */
  penalize(n, price) {
    let v = this.backward(new Float64Array(n).fill(1), n, false).map(each => each * price / n);
    for (const { inputs, outputs, parameters: [weight], gradients: [dWeight], activation: [, slope], delta, y } of this.layers) {
      const next = new Float64Array(n * outputs);
      for (let i = 0; i < n; i++) for (let o = 0; o < outputs; o++) {
        let sum = 0;
        for (let k = 0, w = o * inputs, p = i * inputs; k < inputs; k++) {
          dWeight[w + k] += delta[i * outputs + o] * v[p + k];
          sum += weight[w + k] * v[p + k];
        }
        next[i * outputs + o] = sum * slope(y[i * outputs + o]);
      }
      v = next;
    }
  }

  /* One step of Adam (Kingma and Ba, 2015) along the gradients, which are then forgotten; decay pulls weights towards 0. */
  step({ rate, betas: [first, second] = [0.9, 0.999], decay = 0 }) {
    this.steps++;
    for (const { parameters, gradients, moments } of this.layers) parameters.forEach((p, which) => {
      const g = gradients[which], [mean, square] = moments[which], shrink = which ? 0 : decay;
      for (let i = 0; i < p.length; i++) {
        const gradient = g[i] + shrink * p[i];
        mean[i] = first * mean[i] + (1 - first) * gradient;
        square[i] = second * square[i] + (1 - second) * gradient ** 2;
        p[i] -= rate * mean[i] / (1 - first ** this.steps) / (Math.sqrt(square[i] / (1 - second ** this.steps)) + 1e-8);
      }
      g.fill(0);
    });
  }

  forget() { for (const { gradients } of this.layers) for (const g of gradients) g.fill(0); }

  /* Takes the weights of an exported network of the same widths. */
  take(network) {
    const dense = network.steps.filter(step => step.layer === "dense");
    this.layers.forEach(({ parameters: [weight, bias] }, l) => { weight.set(network.matrix(dense[l])); bias.set(dense[l].bias); });
  }
};

/* Mean cross-entropy of logits (n, classes), and its derivatives. */
W.crossEntropy = (logits, labels, classes) => {
  const n = labels.length, d = new Float64Array(n * classes);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const p = W.softmax(logits.subarray(i * classes, (i + 1) * classes));
    loss -= Math.log(Math.max(p[labels[i]], 1e-300)) / n;
    p.forEach((share, k) => { d[i * classes + k] = (share - (k === labels[i])) / n; });
  }
  return [loss, d];
};
})();
