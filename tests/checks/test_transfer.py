"""The checks of the chapter Borrowed features take right answers and turn down wrong ones: see test_all.py."""

from torchvision.ops import box_iou, nms

from course_lib.checks import transfer


def prepare(network):
    network.train()
    network.layers.eval().requires_grad_(False)


def only_modes(network):
    network.train()
    network.layers.eval()


def only_parameters(network):
    network.train()
    network.layers.requires_grad_(False)


def everything(network):
    network.train().requires_grad_(False)


def all_evaluate(network):
    network.eval().layers.requires_grad_(False)


def against_all(boxes, scores, threshold):
    """Struck out by any box with a higher score, kept or not."""
    overlap, order = box_iou(boxes, boxes), scores.argsort(descending=True).tolist()
    return [i for n, i in enumerate(order) if not (overlap[i, order[:n]] > threshold).any()]


def convolutional(network, digits):
    return network.layers[:-2](digits.batch(slice(None))[0]).detach().numpy()


RIGHT = [
    (transfer.convolutional, [convolutional]),
    (transfer.head, [325, 92_672]),
    (transfer.half, [1 / 3, 3]),
    (transfer.suppress, [nms]),
    (transfer.prepare, [prepare]),
    (transfer.sign, [28.0]),
]
WRONG = [
    (transfer.convolutional, [lambda network, digits: network.features(digits.batch(slice(None))[0])], "leave the dense"),
    (transfer.convolutional, [lambda network, digits: 2 * convolutional(network, digits)], "between 0 and 1"),
    (transfer.convolutional, [lambda network, digits: None], "N, 576"),
    (transfer.head, [320, 92_672], "a bias for each class"),
    (transfer.head, [5, 92_672], "64 features"),
    (transfer.head, [325, 92_997], "all parameters"),
    (transfer.head, [325, 5], "sum the sizes"),
    (transfer.half, [0.5, 3], "union is larger"),
    (transfer.half, [0.2, 3], "50 pixels are shared"),
    (transfer.half, [1 / 3, 4], "60 are shared"),
    (transfer.half, [1 / 3, 5], "at least one half"),
    (transfer.suppress, [lambda boxes, scores, threshold: scores.argsort().tolist()], "comes first|must go"),
    (transfer.suppress, [lambda boxes, scores, threshold: scores.argsort(descending=True).tolist()], "must go"),
    (transfer.suppress, [against_all], "only against boxes kept"),
    (transfer.suppress, [lambda boxes, scores, threshold: [*nms(boxes, scores, threshold)] * 2], "at most once"),
    (transfer.suppress, [lambda b, s, t: [*(k := nms(b, s, t).tolist())[:1], *k[:0:-1]]], "most confident first"),
    (transfer.suppress, [lambda boxes, scores, threshold: 1 / 0], "raised ZeroDivisionError"),
    (transfer.prepare, [only_modes], "requires_grad_"),
    (transfer.prepare, [only_parameters], "no parameters have changed, such as layers"),
    (transfer.prepare, [everything], "go on learning"),
    (transfer.prepare, [all_evaluate], "in training mode"),
    (transfer.sign, [784], "divide by the deviation"),
    (transfer.sign, [2.0], "over the root"),
]
