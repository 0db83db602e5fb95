"""Train, evaluate, sample from and describe the models of the course."""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torchvision.utils import save_image

from . import checkpoints, metrics, progress, published, recipes, runtime
from .callbacks import Checkpoints
from .trainer import Trainer


def train(args):
    """Train by a recipe and write checkpoints to go on from; `describe` tells how a recipe trains.

    The test images are not touched: `evaluate` is for them. Several processes: write `torchrun --nproc-per-node 2 -m
    course_lib` in place of `python -m course_lib`; each batch is then shared out among them.
    """
    options = {name: getattr(args, name) for name in ("data", "epochs", "batch_size", "learning_rate")}
    recipe = chosen(args.recipe, options)
    images = recipes.DATASETS[recipe.data]()[0]
    config = {
        "recipe": args.recipe,
        "data": recipe.data,
        "batch_size": recipe.batch_size,
        "optimizers": recipes.recipe.told(recipe.optimizers),
        "seed": args.seed,
        "profile": runtime.profile(),
        "options": options,
        "shape": list(images.images.shape[1:]),
        "classes": list(images.classes),
    }
    if args.resume:
        saved = checkpoints.config(checkpoints.latest(args.out))
        fixed = {name: value for name, value in config.items() if name != "options"}  # the epochs may grow
        changed = [f"{name} {saved[name]}, not {value}" for name, value in fixed.items() if saved[name] != value]
        if changed:
            raise ValueError(f"The run in {args.out} was started with {'; '.join(changed)}: resume it with the same.")
    elif checkpoints.every(args.out):
        raise FileExistsError(f"{args.out} already holds a run: add --resume to go on with it, or name another folder.")
    saving = Checkpoints(args.out, every=args.checkpoint_every, config=config)
    trainer = recipe.trainer(config["shape"], len(images.classes), seed=args.seed, callbacks=[saving])
    training, validation = recipe.prepared(images, trainer.objective.value_range)
    if args.resume:
        trainer.resume(args.out)
    trainer.fit(training, max(recipe.epochs - trainer.epoch, 0), validation=validation)
    print_once(f"saved {checkpoints.latest(args.out)} after {trainer.epoch} epochs, {trainer.step} steps")


def evaluate(args):
    """Measure a trained model on the test images of the data that it was trained for."""
    saved, objective = load(args)
    _, test = recipes.DATASETS[saved["data"]]()
    if objective.value_range is not None:
        test = test.with_value_range(*objective.value_range)
    trainer = Trainer(objective, torch.optim.SGD)
    if hasattr(objective, "predict"):
        print_once(metrics.classification_report(test.labels, trainer.predict(test), test.classes))
    else:
        print_once(*(f"{name} {value:.4g}" for name, value in trainer.evaluate(test).items()), sep=", ")


def sample(args):
    """Draw with a run of a model that draws, or with a published generator, into a picture."""
    generator = torch.Generator().manual_seed(args.seed)
    asked = {} if args.label is None else {"labels": torch.full((args.count,), args.label)}
    if str(args.run) in published.GENERATORS:
        images, value_range = published.draw(str(args.run), args.count, generator=generator, **asked), (0, 1)
    else:
        _, objective = load(args)
        if not hasattr(objective, "sample"):
            raise ValueError(f"Expected a run of a model that draws, got {args.run}, whose model does not.")
        if asked and not getattr(objective, "conditional", False):
            raise ValueError(f"Expected a run of a conditional model for --label, got {args.run}, which takes no labels.")
        images, value_range = objective.sample(args.count, generator, **asked), objective.value_range
    save_image(images.cpu(), args.out, nrow=10, normalize=True, value_range=value_range)
    print_once(f"drew {args.count} images into {args.out}")


def publish(args):
    """Measure a finished run of a recipe that publishes, and write its weights and their card into a folder."""
    saved = checkpoints.config(checkpoints.latest(args.run))
    recipe = chosen(saved["recipe"], saved["options"])
    if recipe.publishes is None:
        raise ValueError(f"Expected a run of a recipe that publishes ({', '.join(publishing())}), got {saved['recipe']}.")
    runtime.configure(device=args.device, precision=args.precision, profile=args.profile or saved["profile"])
    images, test = recipes.DATASETS[saved["data"]]()
    trainer = recipe.trainer(saved["shape"], len(saved["classes"]), seed=saved["seed"], callbacks=[Checkpoints(args.run)])
    trainer.resume(args.run)
    command = f"python -m course_lib train {saved['recipe']} --profile {saved['profile']} --out RUN"
    value_range = trainer.objective.value_range or (0.0, 1.0)
    ranged = (part.with_value_range(*value_range) for part in (images, test))
    print_once(recipes.publish(recipe, trainer, *ranged, args.out, command))


def load(args):
    """The config of a run's last checkpoint, and its objective with the weights to use, in evaluation mode."""
    checkpoint = checkpoints.latest(args.run)
    saved = checkpoints.config(checkpoint)
    runtime.configure(device=args.device, precision=args.precision, profile=args.profile or saved["profile"])
    objective = recipes.RECIPES[saved["recipe"]].objective(tuple(saved["shape"]), len(saved["classes"]))
    for part in objective.parts:
        checkpoints.load_weights(getattr(objective, part), checkpoint / f"{part}.safetensors")
    return saved, objective.to(runtime.device()).eval()


def chosen(name, options):
    """The recipe of a name, with what the options, a dict, change in it."""
    changes = {option: value for option, value in options.items() if value is not None}
    rate, recipe = changes.pop("learning_rate", None), recipes.RECIPES[name]
    if rate is not None and isinstance(recipe.optimizers, dict):
        raise ValueError(f"Expected no --learning-rate for {name}, which has one for each of its parts.")
    if rate is not None:
        changes["optimizers"] = partial(recipe.optimizers, lr=rate)
    return replace(recipe, **changes)


def publishing():
    return [name for name, recipe in recipes.RECIPES.items() if recipe.publishes]


def describe(args):
    """Tell what this machine is and what was chosen for it, how a recipe trains, or what is in the last checkpoint of a run."""
    if args.run is None:
        print_once(runtime.describe_machine())
        return
    if str(args.run) in recipes.RECIPES:
        recipe = recipes.RECIPES[str(args.run)]
        facts = {"about": recipe.about, "data": recipe.data, **recipe.describe()}
        print_once(*(f"{name}: {value}" for name, value in facts.items()), sep="\n")
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
    about = "; ".join(f"{name}: {recipe.about}" for name, recipe in recipes.RECIPES.items())
    options.add_argument("recipe", choices=recipes.RECIPES, help=about)
    options.add_argument("--data", choices=recipes.DATASETS, help="what to train on; default: as the recipe has it")
    options.add_argument("--epochs", type=int, help="passes over the training images, all in all; default: the recipe's")
    options.add_argument("--out", type=Path, required=True, help="folder for the checkpoints")
    options.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    options.add_argument("--batch-size", type=int, help="examples a step, over all processes; default: the recipe's")
    options.add_argument("--learning-rate", type=float, help="of the optimizer; default: the recipe's")
    options.add_argument("--seed", type=int, default=0, help="of weights and shuffling (%(default)s)")
    options.add_argument(
        "--checkpoint-every", type=int, default=500, help="steps from one checkpoint to the next (%(default)s)"
    )
    command(evaluate).add_argument("run", type=Path, help="the --out of a training run")
    options = command(sample)
    names = ", ".join(published.GENERATORS)
    options.add_argument("run", type=Path, help=f"the --out of a training run, or a published generator: {names}")
    options.add_argument("--out", type=Path, required=True, help="the picture, such as digits.png")
    options.add_argument("--count", type=int, default=100, help="how many to draw (%(default)s)")
    options.add_argument("--label", type=int, help="the class to draw, for a conditional model; default: all in turn")
    options.add_argument("--seed", type=int, default=0, help="of the noise (%(default)s)")
    options = command(publish)
    options.add_argument("run", type=Path, help="the --out of a training run of a recipe that publishes")
    options.add_argument("--out", type=Path, required=True, help="folder for the weights and the card")
    command(describe).add_argument("run", type=Path, nargs="?", help="a recipe, or the --out of a training run")
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
