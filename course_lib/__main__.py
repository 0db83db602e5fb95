"""Train, evaluate, sample from and describe the models of the course."""

import argparse
import sys
from functools import partial
from pathlib import Path

import torch
from torchvision.utils import save_image

from . import checkpoints, data, models, objectives, progress, runtime
from .callbacks import Checkpoints
from .metrics import classification_report
from .trainer import Trainer

DATASETS = {"mnist": data.mnist, "fashion-mnist": data.fashion_mnist, "cifar10": data.cifar10}


def mlp(shape, classes):
    """Multilayer perceptron with hidden layers of 256 and 128 units, a classifier."""
    return objectives.Classification(models.MLP((shape.numel(), 256, 128, classes)))


def cnn(shape, classes):
    """Three convolutions and two dense layers, a classifier."""
    return objectives.Classification(models.ConvNet(shape, classes))


def lenet(shape, classes):
    """LeNet with ReLU and maximum pooling, a classifier."""
    return objectives.Classification(models.LeNet(shape, classes))


def resnet(shape, classes):
    """Residual network of 270,000 parameters, a classifier."""
    return objectives.Classification(models.ResNet(shape, classes))


def gan(shape, classes):
    """Deep convolutional GAN, which draws."""
    discriminator = models.Discriminator(shape, width=32, stages=3, batch_norm=True)
    return objectives.Adversarial(models.Generator(shape, latent_dim=64, width=32), discriminator, latent_dim=64)


def vae(shape, classes):
    """Convolutional variational autoencoder, which draws."""
    return objectives.VariationalBound(models.conv_vae(shape))


MODELS = {"mlp": mlp, "cnn": cnn, "lenet": lenet, "resnet": resnet, "gan": gan, "vae": vae}


def train(args):
    """Train a model on nine tenths of a training set, validate on the rest, and write checkpoints to go on from.

    The test images are not touched: `evaluate` is for them. Several processes: write `torchrun --nproc-per-node 2 -m
    course_lib` in place of `python -m course_lib`; each batch is then shared out among them.
    """
    config = {name: getattr(args, name) for name in ("model", "data", "batch_size", "learning_rate", "seed")}
    config["profile"] = runtime.profile()
    if args.resume:
        saved = checkpoints.config(checkpoints.latest(args.out))
        changed = [f"{name} {saved[name]}, not {value}" for name, value in config.items() if saved[name] != value]
        if changed:
            raise ValueError(f"The run in {args.out} was started with {'; '.join(changed)}: resume it with the same.")
    elif checkpoints.every(args.out):
        raise FileExistsError(f"{args.out} already holds a run: add --resume to go on with it, or name another folder.")
    runtime.set_seed(args.seed)
    images = DATASETS[args.data]()[0]
    objective = MODELS[args.model](images.images[0].shape, len(images.classes))
    training, validation = data.split(images.with_range(*objective.range), 0.9)
    trainer = Trainer(
        objective,
        partial(torch.optim.Adam, lr=args.learning_rate),
        batch_size=args.batch_size,
        seed=args.seed,
        callbacks=[Checkpoints(args.out, every=args.checkpoint_every, config=config)],
    )
    if args.resume:
        trainer.resume(args.out)
    trainer.fit(training, max(args.epochs - trainer.epoch, 0), validation=validation)
    print_once(f"saved {checkpoints.latest(args.out)} after {trainer.epoch} epochs, {trainer.step} steps")


def evaluate(args):
    """Measure a trained model on the test images of the data that it was trained for."""
    objective, test = load(args)
    trainer = Trainer(objective, torch.optim.SGD)
    if hasattr(objective, "predict"):
        print_once(classification_report(test.labels, trainer.predict(test), test.classes))
    else:
        print_once(*(f"{name} {value:.4g}" for name, value in trainer.evaluate(test).items()), sep=", ")


def sample(args):
    """Draw with a trained model, a gan or a vae, into a picture."""
    objective, _ = load(args)
    if not hasattr(objective, "sample"):
        raise ValueError(f"Expected a run of a model that draws, gan or vae, got {args.run}, whose model does not.")
    images = objective.sample(args.count, torch.Generator().manual_seed(args.seed)).cpu()
    save_image(images, args.out, nrow=10, normalize=True, value_range=objective.range)
    print_once(f"drew {args.count} images into {args.out}")


def load(args):
    """The objective of a run, with the weights of its last checkpoint, in evaluation mode; and its data set's test images."""
    checkpoint = checkpoints.latest(args.run)
    saved = checkpoints.config(checkpoint)
    runtime.configure(device=args.device, precision=args.precision, profile=args.profile or saved["profile"])
    _, test = DATASETS[saved["data"]]()
    objective = MODELS[saved["model"]](test.images[0].shape, len(test.classes))
    for part in objective.parts:
        checkpoints.load_weights(getattr(objective, part), checkpoint / f"{part}.safetensors")
    return objective.to(runtime.device()).eval(), test.with_range(*objective.range)


def describe(args):
    """Tell what this machine is and what was chosen for it, or what is in the last checkpoint of a run."""
    if args.run is None:
        print_once(runtime.describe_machine())
        return
    checkpoint = checkpoints.latest(args.run)
    saved = checkpoints.config(checkpoint)
    history = saved.pop("history")
    print_once(checkpoint, *(f"{name}: {value}" for name, value in saved.items()), sep="\n  ")
    if history:
        print_once(f"  last epoch: {progress.describe(history[-1])}")


def print_once(*values, **options):
    """print(), from the first process alone."""
    runtime.accelerator().print(*values, **options)


def command_line():
    """The parser; its help is made of the functions' own words."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", choices=("cpu", "cuda", "mps"), help="default: a GPU where there is one")
    shared.add_argument("--precision", choices=("fp32", "bf16"), help="default: bf16 where it is quicker")
    shared.add_argument("--profile", choices=("fast", "full"), help="embedded or whole data; default: full with a GPU")
    parser = argparse.ArgumentParser(prog="python -m course_lib", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(function):
        text = " ".join(function.__doc__.split())
        added = commands.add_parser(
            function.__name__,
            parents=[shared],
            help=text.split(". ")[0].rstrip("."),
            description=text,
        )
        added.set_defaults(run_command=function)
        return added

    options = command(train)
    about = "; ".join(f"{name}: {function.__doc__.rstrip('.')}" for name, function in MODELS.items())
    options.add_argument("model", choices=MODELS, help=about)
    options.add_argument("--data", choices=DATASETS, default="mnist", help="what to train on (%(default)s)")
    options.add_argument("--epochs", type=int, default=5, help="passes over the training images, all in all (%(default)s)")
    options.add_argument("--out", type=Path, required=True, help="folder for the checkpoints")
    options.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    options.add_argument("--batch-size", type=int, default=128, help="examples a step, over all processes (%(default)s)")
    options.add_argument("--learning-rate", type=float, default=1e-3, help="of Adam (%(default)s)")
    options.add_argument("--seed", type=int, default=0, help="of weights and shuffling (%(default)s)")
    options.add_argument(
        "--checkpoint-every", type=int, default=500, help="steps from one checkpoint to the next (%(default)s)"
    )
    command(evaluate).add_argument("run", type=Path, help="the --out of a training run")
    options = command(sample)
    options.add_argument("run", type=Path, help="the --out of a training run")
    options.add_argument("--out", type=Path, required=True, help="the picture, such as digits.png")
    options.add_argument("--count", type=int, default=100, help="how many to draw (%(default)s)")
    options.add_argument("--seed", type=int, default=0, help="of the noise (%(default)s)")
    command(describe).add_argument("run", type=Path, nargs="?", help="the --out of a training run")
    return parser


def main():
    """Run one command. Exit status 1 with one sentence for what went wrong, 130 after Ctrl-C."""
    args = command_line().parse_args()
    try:
        runtime.configure(device=args.device, precision=args.precision, profile=args.profile)
        args.run_command(args)
    except KeyboardInterrupt as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
