"""All of the package on a GPU that is not there, so that a tensor left on the CPU is found where there is none.

What the package offers is listed by the package; how it is run is written here, in `RUNS`, `OBJECTIVES` and `CALLBACKS`.
Whatever is offered and not in them fails with a sentence. What only a real GPU shows: its kernels, its random numbers, bf16,
and speed (`benchmarks/gpu.py`).
"""

import inspect
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import torch
from fake_gpu import GPU, fake_gpu
from PIL import Image
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils._pytree import tree_leaves

import course_lib
from course_lib import (
    applications,
    attribution,
    callbacks,
    data,
    gan_losses,
    layers,
    likelihoods,
    losses,
    metrics,
    models,
    objectives,
    paths,
    plots,
    published,
    recipes,
    samplers,
    widgets,
)
from course_lib.recipes import denoising, vaes
from course_lib.trainer import Trainer
from course_lib.widgets.show import SCRIPTS

RUN_BY_NAME = (
    applications,
    attribution,
    data,
    gan_losses,
    layers,
    likelihoods,
    losses,
    metrics,
    models,
    paths,
    plots,
    published,
    samplers,
    widgets,
)
IN_EVERY_TRAINING = {"callbacks", "checkpoints", "objectives", "recipes", "runtime", "trainer"}
MODULES_LEFT_OUT = {
    "checks": "they look at readers' answers, and run with the chapters",
    "text": "words and numbers on the CPU; what reads them puts them on the device",
    "keras_twins": "Keras puts its tensors where it will",
}
LEFT_OUT = {
    "applications.MASKS": "each kind of mask is run",
    "data.VOCABULARY": "words and numbers; its tokens are put on the device by what reads them",
    "data.WORDS": "words",
    "data.Gaussians": "made by ring_of_gaussians",
    "data.cifar10": "needs files; makes Images as mnist does",
    "data.fashion_mnist": "needs files; makes Images as mnist does",
    "gan_losses.GANLoss": "two functions; each pair is run",
    "likelihoods.Likelihood": "each likelihood is run",
    "metrics.ClassificationReport": "numbers, made by classification_report",
    "metrics.GenerativeReport": "numbers, made by generative_report",
    "metrics.SegmentationReport": "numbers, made by segmentation_report",
    "objectives.Objective": "each objective is run",
    "plots.history": "takes a history, which has no tensors",
    "plots.use_style": "takes nothing",
    "published.card": "reads a file of text",
    "published.study": "reads a file of text",
    "published.inception": "a download; models.Inception is run",
    "published.resnet18": "a download; models.ResNet18 is run",
    "published.publish": "run with the recipes that publish",
    "widgets.Widget": "made by show",
    "widgets.export_page": "writes what show makes",
}
ON_THE_CPU = {
    "applications.holes",
    "applications.lower_half",
    "applications.strokes",
    "metrics.mutual_information",
    "metrics.spectrum",
}  # give tensors back there, and say so


def offered(module):
    """The public names of a module: those that it lists, else those that are defined in it."""
    name = module.__name__.rsplit(".", 1)[1]
    defined = (key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__)
    return [f"{name}.{key}" for key in getattr(module, "__all__", defined) if not key.startswith("_")]


def names(*modules):
    return [name for module in modules for name in offered(module) if name not in LEFT_OUT]


def entry(table, name):
    if name not in table:
        pytest.fail(
            f"Expected {name} in tests/test_fake_gpu.py, in the table of how things are run on a GPU, or in LEFT_OUT with a "
            "reason; found it in neither."
        )
    return table[name]


def tensors(result):
    """All tensors in a result, those of data sets too."""
    parts = [vars(leaf) if isinstance(leaf, (data.Images, data.Points)) else leaf for leaf in tree_leaves(result)]
    return [leaf for leaf in tree_leaves(parts) if isinstance(leaf, torch.Tensor)]


@pytest.fixture(autouse=True)
def on_the_gpu(monkeypatch):
    with fake_gpu(monkeypatch):
        yield


def x(*shape):
    return torch.rand(*shape, device=GPU)


def whole(high, *shape):
    return torch.randint(high, shape, device=GPU)


def both_ways(network, *inputs):
    """What a network answers, and its gradients."""
    outputs = network.to(GPU)(*inputs)
    sum(output.sum() for output in tree_leaves(outputs)).backward()
    return outputs, [weight.grad for weight in network.parameters() if weight.grad is not None]


def explained(function, *layers):
    network = models.ResNet((1, 8, 8), 3, widths=(4,), blocks=1).to(GPU)
    return function(network, *(getattr(network, layer)[2] for layer in layers), x(2, 1, 8, 8), whole(3, 2))


def vae(make, **options):
    return both_ways(make(latent_dim=3, **options), x(2, 1, 28, 28), x(2, 3))


def game(loss, penalty=None):
    """Losses of both networks of a GAN, and the gradients of the discriminator."""
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(4, 1), nn.Flatten(0)).to(GPU)
    real, fake = x(3, 1, 2, 2), x(3, 1, 2, 2)
    loss_real = loss.discriminator(discriminator(real), discriminator(fake))
    if penalty:
        loss_real = loss_real + penalty(discriminator, real, fake)
    loss_real.sum().backward()
    return loss_real, loss.generator(discriminator(fake)), [weight.grad for weight in discriminator.parameters()]


def likelihood(drawn):
    parameters = x(2, drawn.params_per_channel, 4, 4)
    drawn.check(x(2, 1, 4, 4))
    return drawn.log_prob(parameters, x(2, 1, 4, 4)), drawn.mean(parameters), drawn.sample(parameters)


def drawn_from(images):
    """A set of images, and batches of it cut in each way."""
    chosen = images.by(*images.targets)
    parts = [chosen.subset(index) for index in (slice(0, 3), torch.arange(3), torch.arange(3, device=GPU), [0, 1, 2])]
    ways = (chosen.with_value_range(-1, 1), chosen.augmented(lambda x: x.flip(3)), *parts)
    return images, [way.batch(index) for way in ways for index in (slice(0, 2), torch.tensor([0, 1], device=GPU))]


def points(points):
    return points, points.batch(torch.tensor([0, 1], device=GPU)), points.subset(slice(0, 2))


def folder(path):
    for kind in ("cats", "dogs"):
        (path / kind).mkdir()
        for number in range(2):
            Image.new("RGB", (9, 8), (90 * number, 0, 0)).save(path / kind / f"{number}.png")
    return drawn_from(data.image_folder(path, size=8))


def gap():
    """Images, and a mask of what is known of each."""
    return x(2, 1, 8, 8), applications.lower_half(2, size=8).to(GPU)


def random_filters():
    return applications.RandomFilters(count=2).to(GPU)


def colorful(features):
    """What a module makes of a color picture."""
    return features.to(GPU)(x(1, 3, 8, 8).sigmoid())


def figure(function, *arguments, **options):
    function(*arguments, **options)


@cache
def all_digits():
    return data.mnist()


def digits():
    return all_digits()[0].subset(slice(0, 8))


def along(path):
    """What a path makes of data, noise and times."""
    t = x(3).sigmoid()
    return path.mix(x(3, 2), x(3, 2), t), path.velocity(x(3, 2), x(3, 2), t), path.seen(x(3, 2), t), path.target("v", t)


RUNS = {
    "applications.Masked": lambda: applications.Masked(digits(), applications.holes).batch(slice(0, 2)),
    "applications.RandomFilters": lambda: colorful(applications.RandomFilters(count=2)),
    "applications.VGGFeatures": lambda: colorful(applications.VGGFeatures()),
    "applications.check": lambda: applications.check(*gap()),
    "applications.composite": lambda: applications.composite(x(2, 1, 8, 8), *gap()),
    "applications.content_loss": lambda: applications.content_loss([x(2, 3, 4, 4)], [x(2, 3, 4, 4)]),
    "applications.gram": lambda: applications.gram(x(2, 3, 4, 4)),
    "applications.gram_distance": lambda: applications.gram_distance(x(2, 3, 4, 4), x(1, 3, 5, 5)),
    "applications.guided": lambda: applications.guided(
        lambda z, t: (z.sin(), z), lambda x: x[..., :4], x(3, 4), paths.STRAIGHT
    )(x(3, 8), x(1)[0]),
    "applications.hidden_error": lambda: applications.hidden_error(x(2, 1, 8, 8), *gap()),
    "applications.holes": lambda: applications.holes(2),
    "applications.lower_half": lambda: applications.lower_half(2),
    "applications.mean_of_nearest": lambda: applications.mean_of_nearest(*gap(), x(20, 1, 8, 8)),
    "applications.overlapping": lambda: applications.overlapping(lambda z, t: (z.sin(), z), 4, stride=3)(
        x(2, 1, 4, 9), torch.tensor(0.5)
    ),
    "applications.repaint": lambda: applications.repaint(
        lambda z, t: (z.sin(), z), *gap(), paths.STRAIGHT, paths.STRAIGHT.times(3), rounds=2, generator=torch.Generator()
    ),
    "applications.seams": lambda: applications.seams(*gap()),
    "applications.search": lambda: applications.search(lambda z: z.view(2, 1, 8, 8), x(2, 64), *gap(), steps=2),
    "applications.shown": lambda: applications.shown(*gap()),
    "applications.sliced_wasserstein": lambda: applications.sliced_wasserstein(x(2, 3, 4, 4), x(1, 3, 5, 5)),
    "applications.spread": lambda: applications.spread(x(3, 2, 1, 8, 8), gap()[1]),
    "applications.strokes": lambda: applications.strokes(2),
    "applications.style_loss": lambda: applications.style_loss([x(2, 3, 4, 4)], [x(2, 3, 4, 4)]),
    "applications.stylize": lambda: applications.stylize(*[x(1, 3, 8, 8).sigmoid()] * 2, random_filters(), steps=2),
    "applications.synthesize": lambda: applications.synthesize(
        x(1, 3, 16, 16).sigmoid(), random_filters(), size=16, halvings=1, steps=2
    ),
    "attribution.grad_cam": lambda: explained(attribution.grad_cam, "layers"),
    "attribution.occlusion": lambda: explained(attribution.occlusion),
    "attribution.saliency": lambda: explained(attribution.saliency),
    "data.Images": lambda: drawn_from(data.Images(torch.zeros(4, 1, 8, 8).byte(), {"number": torch.rand(4)}, {}, name="four")),
    "data.Points": lambda: points(data.Points(torch.zeros(4, 2), torch.arange(4), name="four")),
    "data.batches": lambda: data.batches(10, 4, epoch=0, seed=0),
    "data.crops": lambda: drawn_from(data.crops(data.photograph(shrink=8), 16, count=4)),
    "data.from_torch": lambda: drawn_from(data.from_torch([(torch.zeros(1, 8, 8), 0)] * 4, classes="a", name="four")),
    "data.grid_of_gaussians": lambda: points(data.grid_of_gaussians(50)),
    "data.image_folder": folder,
    "data.mnist": lambda: drawn_from(all_digits()[1]),
    "data.moons": lambda: points(data.moons(20)),
    "data.photograph": lambda: data.photograph(shrink=4),
    "data.ring_of_gaussians": lambda: (ring := data.ring_of_gaussians(16), points(ring), ring.log_density(x(3, 2))),
    "data.captions": lambda: data.captions(data.shapes(3, size=16), left_out=0.5),
    "data.unseen_pairs": lambda: data.unseen_pairs(data.shapes(3, size=16)),
    "data.shapes": lambda: drawn_from(data.shapes(4, size=16, noise=10, occlusion=0.3)),
    "data.spirals": lambda: points(data.spirals(30)),
    "data.split": lambda: data.split(data.moons(20), 0.5),
    "data.unseen_digits": lambda: drawn_from(data.unseen_digits()),
    "gan_losses.gradient_penalty": lambda: game(gan_losses.wasserstein, gan_losses.gradient_penalty()),
    "gan_losses.hinge": lambda: game(gan_losses.hinge),
    "gan_losses.minimax": lambda: game(gan_losses.minimax),
    "gan_losses.non_saturating": lambda: game(gan_losses.non_saturating),
    "gan_losses.r1": lambda: game(gan_losses.non_saturating, gan_losses.r1()),
    "gan_losses.smoothed": lambda: game(gan_losses.smoothed()),
    "gan_losses.wasserstein": lambda: game(gan_losses.wasserstein),
    "layers.MinibatchDeviation": lambda: layers.MinibatchDeviation(2)(x(4, 3)),
    "layers.NoiseLevel": lambda: both_ways(layers.NoiseLevel(8, classes=3), x(2), whole(3, 2)),
    "layers.PreActivationBlock": lambda: both_ways(layers.PreActivationBlock(4, 8), x(2, 4, 6, 6)),
    "layers.SelfAttention": lambda: both_ways(layers.SelfAttention(6, 2), x(2, 4, 6), True),
    "layers.TransformerBlock": lambda: both_ways(layers.TransformerBlock(6, 2), x(2, 4, 6), True),
    "layers.waves": lambda: layers.waves(x(3)),
    "likelihoods.Bernoulli": lambda: likelihood(likelihoods.Bernoulli()),
    "likelihoods.DiscretizedLogistic": lambda: likelihood(likelihoods.DiscretizedLogistic()),
    "likelihoods.Gaussian": lambda: likelihood(likelihoods.Gaussian()),
    "likelihoods.LogisticMixture": lambda: likelihood(likelihoods.LogisticMixture()),
    "losses.cross_entropy": lambda: losses.cross_entropy(x(3, 4), whole(4, 3), label_smoothing=0.1),
    "losses.dice_loss": lambda: losses.dice_loss(x(3, 4, 5, 5), whole(4, 3, 5, 5)),
    "losses.gaussian_kl": lambda: losses.gaussian_kl(x(3, 2), x(3, 2)),
    "losses.mean_absolute_error": lambda: losses.mean_absolute_error(x(3, 2), x(3, 2)),
    "losses.mean_squared_error": lambda: losses.mean_squared_error(x(3, 2), x(3, 2)),
    "metrics.classification_report": lambda: metrics.classification_report(whole(2, 9), whole(2, 9), "ab"),
    "metrics.copied": lambda: metrics.copied(x(9, 3), x(9, 3), x(100, 3)),
    "metrics.frechet_distance": lambda: metrics.frechet_distance(x(9, 3), x(9, 3)),
    "metrics.generative_report": lambda: metrics.generative_report(x(9, 3), x(9, 3)),
    "metrics.image_iou": lambda: metrics.image_iou(whole(3, 2, 4, 4), whole(3, 2, 4, 4), 3),
    "metrics.importance_bound": lambda: metrics.importance_bound(
        models.dense_vae(latent_dim=2).to(GPU), likelihoods.Bernoulli(), x(2, 1, 28, 28), 5, at_once=3
    ),
    "metrics.kernel_distance": lambda: metrics.kernel_distance(x(9, 3), x(9, 3)),
    "metrics.modes_covered": lambda: metrics.modes_covered(x(9, 2), x(3, 2), 0.1),
    "metrics.mutual_information": lambda: metrics.mutual_information(x(9, 2), whole(3, 9, 2)),
    "metrics.mutual_information_gap": lambda: metrics.mutual_information_gap(x(50, 2), whole(3, 50, 2)),
    "metrics.nearest": lambda: metrics.nearest(x(3, 2), x(5, 2)),
    "metrics.nearest_crop": lambda: metrics.nearest_crop(x(3, 3, 4, 4), x(2, 3, 9, 9)),
    "metrics.patch_distance": lambda: metrics.patch_distance(x(70, 3, 16, 16), x(70, 3, 16, 16)),
    "metrics.patch_features": lambda: metrics.patch_features(x(2, 3, 32, 32)),
    "metrics.precision_recall": lambda: metrics.precision_recall(x(9, 3), x(9, 3)),
    "metrics.segmentation_report": lambda: metrics.segmentation_report(whole(2, 3, 4, 4), whole(2, 3, 4, 4), "ab"),
    "metrics.spectrum": lambda: metrics.spectrum(x(2, 3, 8, 8)),
    "metrics.two_sample_accuracy": lambda: metrics.two_sample_accuracy(x(40, 3), x(40, 3), epochs=1),
    "models.ConvNet": lambda: both_ways(models.ConvNet(), x(2, 1, 28, 28)),
    "models.CouplingFlow": lambda: (
        both_ways(flow := models.CouplingFlow((1, 4, 4), layers=2, hidden=4), x(2, 1, 4, 4)),
        flow.start_from(x(5, 1, 4, 4)),
        flow.inverse(x(2, 16)),
        flow.log_prob(x(2, 1, 4, 4)),
    ),
    "models.Discriminator": lambda: (
        both_ways(models.Discriminator(classes=3, dropout=0.5, normalization=nn.BatchNorm2d), x(2, 1, 28, 28), whole(3, 2)),
        both_ways(models.Discriminator(parametrization=spectral_norm), x(2, 1, 28, 28)),
    ),
    "models.GatedPixelCNN": lambda: both_ways(models.GatedPixelCNN((1, 6, 6), channels=4, layers=2), x(2, 1, 6, 6)),
    "models.Generator": lambda: both_ways(models.Generator(latent_dim=4, width=4, classes=3), x(2, 4), whole(3, 2)),
    "models.Inception": lambda: models.Inception().to(GPU).eval().features(x(1, 1, 28, 28)),
    "models.LeNet": lambda: both_ways(models.LeNet(), x(2, 3, 32, 32)),
    "models.MADE": lambda: both_ways(models.MADE((1, 6, 6), units=8), x(2, 1, 6, 6)),
    "models.MLP": lambda: both_ways(models.MLP((4, 5, 3), dropout=0.5), x(2, 4)),
    "models.MLPs": lambda: both_ways(models.MLPs(2, (4, 5, 3)), x(4, 4)),
    "models.NoiseMLP": lambda: both_ways(models.NoiseMLP(4, width=8, classes=3), x(2, 4), x(2), whole(3, 2)),
    "models.NoiseUNet": lambda: (
        both_ways(models.NoiseUNet(1, widths=(8, 8), classes=3), x(2, 1, 8, 8), x(2), whole(3, 2)),
        both_ways(models.NoiseUNet(1, widths=(8, 8), text=models.TextEncoder(5, 4)), x(2, 1, 8, 8), x(2), whole(5, 2, 4)),
    ),
    "models.PixelCNN": lambda: both_ways(models.PixelCNN((1, 6, 6), channels=4, layers=1), x(2, 1, 6, 6)),
    "models.ResNet": lambda: both_ways(models.ResNet(blocks=1, widths=(4, 8)), x(2, 3, 32, 32)),
    "models.ResNet18": lambda: both_ways(models.ResNet18(3), x(2, 1, 32, 32)),
    "models.RowRNN": lambda: both_ways(models.RowRNN((1, 6, 6), hidden=8, units=8, classes=3), x(2, 1, 6, 6), whole(3, 2)),
    "models.RowTransformer": lambda: both_ways(
        models.RowTransformer((1, 6, 6), hidden=8, layers=1, heads=2, units=8), x(2, 1, 6, 6)
    ),
    "models.TextEncoder": lambda: both_ways(models.TextEncoder(5, 4, width=8), whole(5, 2, 4)),
    "models.UNet": lambda: both_ways(models.UNet(3, 2, widths=(4, 8)), x(2, 3, 16, 16)),
    "models.VAE": lambda: both_ways(models.VAE(nn.Linear(4, 6), nn.Linear(3, 4), shape=(4,), latent_dim=3), x(2, 4), x(2, 3)),
    "models.ViT": lambda: both_ways(models.ViT((1, 8, 8), 3, patch=4, hidden=8, heads=2), x(2, 1, 8, 8)),
    "models.conv_vae": lambda: vae(models.conv_vae, dropout=0.5),
    "models.dense_vae": lambda: vae(models.dense_vae),
    "models.draw": lambda: models.draw(models.MADE((1, 4, 4), units=8).to(GPU), 2),
    "models.residual_vae": lambda: vae(models.residual_vae),
    **{f"paths.{path.name.upper()}": partial(along, path) for path in paths.PATHS.values()},
    "paths.Path": lambda: along(replace(paths.COSINE, rho=2.0)),
    "paths.separate": lambda: paths.separate(x(3, 2), x(3, 2), paths.COSINE, "v", x(3)),
    "paths.weighted": lambda: paths.weighted(x(3), x(3, 2)),
    "plots.confusion": lambda: figure(plots.confusion, whole(5, 2, 2), "ab"),
    "plots.decision_regions": lambda: figure(plots.decision_regions, lambda x: np.zeros(len(x)), x(4, 2), whole(2, 4)),
    "plots.image_grid": lambda: figure(plots.image_grid, x(4, 1, 8, 8)),
    "plots.points": lambda: figure(plots.points, x(4, 2), whole(2, 4)),
    "plots.reliability": lambda: figure(plots.reliability, x(9) > 0.5, x(9)),
    "published.draw": lambda: published.draw("mnist_gan", 2, labels=whole(10, 2)),
    "published.landscape_flow": lambda: published.landscape_flow()(x(2, 3, 64, 64), x(2)),
    "published.landscape_gan": lambda: published.landscape_gan()(x(2, 100)),
    "published.mnist_autoregressive": lambda: published.mnist_autoregressive()(x(2, 1, 28, 28), whole(10, 2)),
    "published.mnist_features": lambda: published.mnist_features().features(x(2, 1, 28, 28)),
    "published.mnist_flow": lambda: published.mnist_flow()(x(2, 1, 28, 28), x(2), whole(10, 2)),
    "published.mnist_gan": lambda: published.mnist_gan()(x(2, 64), whole(10, 2)),
    "published.mnist_latent_flow": lambda: published.mnist_latent_flow()(x(2, 32), x(2), whole(10, 2)),
    "published.mnist_vae": lambda: published.mnist_vae()(x(2, 1, 28, 28), x(2, 32)),
    "published.shapes_gan": lambda: published.shapes_gan()(x(2, 64)),
    "published.shapes_reader": lambda: published.shapes_reader()(x(2, 3, 32, 32)),
    "published.shapes_text": lambda: published.shapes_text()(x(2, 3, 32, 32), x(2), whole(20, 2, 12)),
    "samplers.ancestral": lambda: sampled(samplers.ancestral),
    "samplers.ddim": lambda: sampled(samplers.ddim),
    "samplers.denoiser": lambda: samplers.denoiser(lambda z, angle: z, paths.STRAIGHT, "v")(x(3, 2), x(1)[0].abs()),
    "samplers.euler": lambda: sampled(samplers.euler),
    "samplers.heun": lambda: sampled(samplers.heun),
    "samplers.log_likelihood": lambda: sampled(samplers.log_likelihood),
    "widgets.show": lambda: [widgets.show(kind)._repr_html_() for kind in SCRIPTS],
}


def sampled(sampler):
    """What a sampler makes, with one's own denoiser."""
    return sampler(lambda z, t: (z.sin(), z), x(3, 2), paths.STRAIGHT, paths.STRAIGHT.times(3))


def adversarial():
    generator, discriminator = models.Generator(latent_dim=4, width=4, classes=10), models.Discriminator(width=4, classes=10)
    options = {"penalty": gan_losses.r1(), "augment": lambda x: x.flip(3), "conditional": True}
    return objectives.Adversarial(generator, discriminator, latent_dim=4, **options), digits().with_value_range(-1, 1)


def segmentation():
    return objectives.Segmentation(models.UNet(3, 6, widths=(4, 8)), dice=1.0), data.shapes(8, size=16)


class Numbers:
    """Points in the plane, and a number for each."""

    def __init__(self):
        self.points = x(8, 2)

    def __len__(self):
        return len(self.points)

    def batch(self, index):
        return self.points[index], self.points[index].sum(1, keepdim=True)


class Ends(Numbers):
    """Points, and the noise that each belongs to."""

    def batch(self, index):
        return self.points[index], -self.points[index]


OBJECTIVES = {  # each with images that it takes
    "objectives.Adversarial": adversarial,
    "objectives.Attributes": lambda: (
        objectives.Attributes(models.ConvNet((3, 32, 32), 27), data.WORDS),
        data.shapes(8).by(*data.WORDS),
    ),
    "objectives.Classification": lambda: (objectives.Classification(models.MLP((784, 4, 10)), l1=0.1), digits()),
    "objectives.Denoising": lambda: (
        objectives.Denoising(models.NoiseUNet(1, widths=(8, 8), classes=10), (1, 28, 28), steps=2),
        digits().with_value_range(-1, 1),
    ),
    "objectives.LatentDenoising": lambda: (
        objectives.LatentDenoising(models.NoiseMLP(2, width=8, classes=10), models.dense_vae(latent_dim=2).to(GPU), steps=2),
        digits(),
    ),
    "objectives.Density": lambda: (objectives.Density(models.CouplingFlow(layers=2, hidden=4)), digits()),
    "objectives.ExactLikelihood": lambda: (objectives.ExactLikelihood(models.MADE(units=8), binarize=True), digits()),
    "objectives.Reflow": lambda: (objectives.Reflow(models.NoiseMLP(2, width=8), (2,), steps=2), Ends()),
    "objectives.Regression": lambda: (objectives.Regression(models.MLP((2, 4, 1))), Numbers()),
    "objectives.Segmentation": segmentation,
    "objectives.Unrolled": lambda: (
        objectives.Unrolled(models.MLP((2, 4, 2)), models.MLP((2, 4, 1)), latent_dim=2, steps=2, rate=0.1),
        data.ring_of_gaussians(8),
    ),
    "objectives.VariationalBound": lambda: (
        objectives.VariationalBound(models.dense_vae(latent_dim=2), free_bits=0.1),
        digits(),
    ),
}
CALLBACKS = {
    "callbacks.Callback": callbacks.Callback,
    "callbacks.Checkpoints": partial(callbacks.Checkpoints, "run", every=1),
    "callbacks.EMA": callbacks.EMA,
    "callbacks.EarlyStopping": partial(callbacks.EarlyStopping, patience=1),
    "callbacks.LRSchedule": partial(callbacks.LRSchedule, callbacks.cosine, epochs=2),
    "callbacks.SampleGrid": partial(callbacks.SampleGrid, count=2),
    "callbacks.Track": lambda: callbacks.Track(Printed()),
}
SHAPES = {"mnist": (1, 28, 28), "landscape": (3, 64, 64)}  # of the images of the recipes' data; of shapes (3, 32, 32)


class Printed:
    """A tracker that prints."""

    def start(self):
        print("started")

    def log(self, values, step):
        print(step, values)


def everywhere(trainer):
    """All weights, and all that the optimizers remember of them."""
    state = [list(trainer.objective.state_dict().values())]
    state += [list(optimizer.state.values()) for optimizer in trainer.optimizers.values()]
    return [tensor for tensor in tensors(state) if tensor.ndim]  # Adam keeps its count of steps on the CPU


@pytest.mark.parametrize("name", names(*RUN_BY_NAME))
def test_it_runs_on_the_gpu_and_leaves_its_results_there(name, tmp_path):
    run = entry(RUNS, name)
    results = tensors(run(tmp_path) if inspect.signature(run).parameters else run())
    if name not in ON_THE_CPU:
        assert {tensor.device for tensor in results} <= {GPU}


@pytest.mark.parametrize("name", published.GENERATORS)
def test_each_published_generator_draws(name):
    images = published.draw(name, 2, generator=torch.Generator().manual_seed(0))
    assert images.device == GPU
    assert 0 <= images.min() < images.max() <= 1


@pytest.mark.parametrize("name", [name for name in offered(objectives) if name not in LEFT_OUT])
def test_each_objective_trains_measures_answers_draws_and_resumes(name, tmp_path):
    def trainer():
        objective, train = entry(OBJECTIVES, name)()
        kept = [callbacks.EMA(0.9), callbacks.Checkpoints(tmp_path)]
        adam = partial(torch.optim.Adam, fused=True)
        options = {"max_grad_norm": 1.0, "accumulation_steps": 2, "callbacks": kept, "progress": False}
        return Trainer(objective, adam, batch_size=4, **options), train

    first, train = trainer()
    first.fit(train, 1, validation=train)
    assert {tensor.device for tensor in everywhere(first)} == {GPU}
    if hasattr(first.objective, "predict"):
        assert first.predict(train).device == GPU
    if hasattr(first.objective, "sample"):
        assert first.objective.sample(3, torch.Generator().manual_seed(0)).device == GPU
    again, train = trainer()
    again.resume(tmp_path)
    again.fit(train, 1)
    assert {tensor.device for tensor in everywhere(again)} == {GPU}
    assert again.epoch == 2


@pytest.mark.parametrize("name", [name for name in offered(callbacks) if name.split(".")[1][0].isupper()])
def test_each_callback_has_its_moments(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = digits()
    called = [entry(CALLBACKS, name)()]
    trainer = Trainer(
        objectives.VariationalBound(models.dense_vae(latent_dim=2)), torch.optim.Adam, callbacks=called, batch_size=4
    )
    trainer.fit(images, 2, validation=images)
    assert {tensor.device for tensor in everywhere(trainer)} == {GPU}


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_each_recipe_trains_and_publishes(name, monkeypatch, tmp_path):
    monkeypatch.setattr(vaes, "DRAWS", 10)
    monkeypatch.setattr(vaes, "SEARCHED", 2)
    monkeypatch.setattr(denoising, "CAPTIONS", 4)
    recipe = replace(recipes.RECIPES[name], validation=0.0)
    sets = all_digits() if recipe.data == "mnist" else recipes.DATASETS[recipe.data]()
    train, test = (part.subset(slice(0, 80)) for part in sets)
    trainer = recipe.trainer(SHAPES.get(recipe.data, (3, 32, 32)), 10)
    few, _ = recipe.prepared(train.subset(slice(0, 20)), trainer.objective.value_range)
    trainer.fit(few, 1)
    assert {tensor.device for tensor in everywhere(trainer)} == {GPU}
    if recipe.publishes:
        ranged = (part.with_value_range(*trainer.objective.value_range or (0, 1)) for part in (train, test))
        recipes.publish(recipe, trainer, *ranged, tmp_path, "a command")


def test_every_module_is_run_or_left_out_for_a_reason():
    run = {module.__name__.split(".")[1] for module in RUN_BY_NAME} | IN_EVERY_TRAINING | MODULES_LEFT_OUT.keys()
    assert set(course_lib.__all__) == run, "add the module to RUN_BY_NAME or to MODULES_LEFT_OUT, in tests/test_fake_gpu.py"


def test_the_tables_name_nothing_that_is_gone():
    there = {name for module in (*RUN_BY_NAME, objectives, callbacks) for name in offered(module)}
    assert (RUNS | OBJECTIVES | CALLBACKS | LEFT_OUT).keys() <= there


def test_what_is_offered_without_an_entry_fails_with_a_sentence():
    with pytest.raises(pytest.fail.Exception, match=r"Expected models\.New in tests/test_fake_gpu\.py, in the table of how"):
        entry(RUNS, "models.New")


class Scaled(nn.Module):
    """A network with a tensor that does not move with it: it is no buffer."""

    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(4, 3), torch.ones(3)

    def forward(self, x):
        return self.layer(x) * self.scale


MISTAKES = {
    "a tensor left on the CPU": lambda: Scaled().to(GPU)(x(2, 4)),
    "a network left on the CPU": lambda: nn.Linear(4, 3)(x(2, 4)),
    "noise from the CPU": lambda: x(2, 3) + torch.randn(2, 3),
    "one number of many from the CPU": lambda: torch.stack([x(3).sum(), torch.tensor(0.0)]),
    "written from the GPU into the CPU": lambda: torch.zeros(3).add_(x(3)),
    "a CPU tensor cut by an index of the GPU": lambda: torch.arange(9)[whole(9, 3)],
    "labels of the CPU": lambda: losses.cross_entropy(x(2, 3), torch.tensor([0, 1])),
    "a generator of the CPU": lambda: torch.randn(3, device=GPU, generator=torch.Generator()),
    "a generator of the GPU": lambda: torch.randn(3, generator=torch.Generator(GPU)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_gpu_refuses_is_refused(mistake):
    with pytest.raises(RuntimeError, match=r"Expected all tensors on one device|Expected a generator for the device"):
        MISTAKES[mistake]()


def test_the_gpu_has_no_numpy():
    with pytest.raises((RuntimeError, TypeError), match="numpy"):
        x(3).numpy()


def test_what_a_gpu_takes_is_taken():
    assert (x(3) * torch.tensor(0.0)).tolist() == [0, 0, 0]  # a number
    assert x(9)[torch.arange(3)].device == GPU  # indices
    assert torch.zeros(3).copy_(x(3)).device.type == "cpu"
    assert x(3).cpu().device.type == "cpu"
    assert torch.randn(3, device=GPU, generator=torch.Generator(GPU).manual_seed(0)).device == GPU


def test_it_computes_as_the_cpu_does():
    torch.manual_seed(0)
    network = models.ConvNet()
    images = torch.rand(2, 1, 28, 28)
    expected, expected_gradients = network(images), torch.autograd.grad(network(images).sum(), [*network.parameters()])
    found = both_ways(network, images.to(GPU))
    assert torch.equal(expected, found[0].cpu())
    assert all(torch.equal(a, b.cpu()) for a, b in zip(expected_gradients, found[1], strict=True))
