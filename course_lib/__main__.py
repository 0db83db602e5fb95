"""Train, evaluate, sample from and describe the models of the course."""

import argparse
import inspect
import io
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from . import interrupts

if __name__ == "__main__":
    interrupts.ends_at_once()  # Ctrl-C, in the seconds in which torch loads

try:
    import torch
    from torchvision.utils import save_image

    from . import checkpoints, contract, metrics, progress, published, recipes, runtime, samplers
    from .callbacks import Checkpoints
    from .trainer import Trainer
except (ImportError, MemoryError) as error:
    reason = " ".join(str(error).split()) or "not enough memory"
    told = f"error: Could not load the packages ({reason}): install them, and allow 4 GB of address space (ulimit -v)."
    print(told, file=sys.stderr, flush=True)
    os._exit(1)  # without what torch has registered for the end, which fails too

OPTIONS = ("data", "epochs", "batch_size", "learning_rate")  # what of a recipe the command line can change


def train(args):
    """Train by a recipe and write checkpoints to go on from; `describe` tells how a recipe trains.

    The test images are not touched: `evaluate` is for them. Several processes: write `torchrun --nproc-per-node 2 -m
    course_lib` in place of `python -m course_lib`; each batch is then shared out among them.
    """
    options = {name: getattr(args, name) for name in OPTIONS}
    recipe = chosen(args.recipe, options)
    with checkpoints.claim(args.out):  # before there is anything to lose
        if checkpoints.every(args.out) and not args.resume:
            raise FileExistsError(f"{args.out} already holds a run: add --resume to go on with it, or name another folder.")
        saved = saved_run(args.out)[1] if args.resume else None
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
        if saved:
            fixed = {name: value for name, value in config.items() if name != "options"}  # the epochs may grow
            changed = [f"{name} {saved[name]}, not {value}" for name, value in fixed.items() if saved[name] != value]
            if changed:
                raise ValueError(f"The run in {args.out} was started with {'; '.join(changed)}: resume it with the same.")
        saving = Checkpoints(args.out, every=args.checkpoint_every, config=config)
        trainer = recipe.trainer(config["shape"], len(images.classes), seed=args.seed, callbacks=[saving])
        training, validation = recipe.prepared(images, trainer.objective.value_range)
        if saved:
            trainer.resume(args.out)
        trainer.fit(training, max(recipe.epochs - trainer.epoch, 0), validation=validation)
        runtime.tell(f"saved {checkpoints.latest(args.out)} after {trainer.epoch} epochs, {trainer.step} steps")


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
    asked = {name: getattr(args, name) for name in ("steps", "guidance") if getattr(args, name) is not None}
    if args.sampler is not None:
        asked["sampler"] = samplers.SAMPLERS[args.sampler]
    if args.label is not None:
        asked["labels"] = torch.full((args.count,), args.label)
    if args.caption is not None:
        asked["captions"] = [args.caption] * args.count
    if str(args.run) in published.GENERATORS:
        images, value_range = published.draw(str(args.run), args.count, generator=generator, **asked), (0, 1)
    else:
        saved, objective = load(args)
        if not hasattr(objective, "sample"):
            raise ValueError(f"Expected a run of a model that draws, got {args.run}, whose model does not.")
        if "captions" in asked:
            raise ValueError(f"Expected a published generator for --caption, such as shapes_text, got {args.run}.")
        if "labels" in asked and not (getattr(objective, "conditional", False) and saved["classes"]):
            raise ValueError(f"Expected a run of a conditional model for --label, got {args.run}, which takes no labels.")
        if "labels" in asked and args.label >= len(saved["classes"]):
            raise ValueError(f"Expected a --label from 0 to {len(saved['classes']) - 1}, got {args.label}.")
        if not {*asked} - {"labels"} <= inspect.signature(objective.sample).parameters.keys():
            raise ValueError(f"Expected a run of diffusion or flow for --steps, --sampler and --guidance, got {args.run}.")
        images, value_range = objective.sample(args.count, generator, **asked), objective.value_range
    save_image(images.cpu(), args.out, nrow=10, normalize=True, value_range=value_range)
    print_once(f"drew {args.count} images into {args.out}")


def publish(args):
    """Measure a finished run of a recipe that publishes, and write its weights and their card into a folder."""
    checkpoints.try_writing(args.out)
    _, saved = saved_run(args.run)
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
    checkpoint, saved = saved_run(args.run)
    runtime.configure(device=args.device, precision=args.precision, profile=args.profile or saved["profile"])
    objective = recipes.RECIPES[saved["recipe"]].objective(tuple(saved["shape"]), len(saved["classes"]))
    for part in objective.parts:
        checkpoints.load_weights(getattr(objective, part), checkpoint / f"{part}.safetensors")
    return saved, objective.to(runtime.device()).eval()


def saved_run(folder):
    """The last checkpoint of a run and its config.json; raises ValueError unless `train` wrote it, with known names."""
    checkpoint = checkpoints.latest(folder)
    saved = checkpoints.config(checkpoint)
    fits = {
        "recipe": lambda name: name in [*recipes.RECIPES],
        "data": lambda name: name in [*recipes.DATASETS],
        "profile": lambda name: name in ["fast", "full"],
        "optimizers": lambda text: isinstance(text, str),
        "batch_size": lambda size: type(size) is int and size > 0,
        "seed": lambda seed: type(seed) is int and seed >= 0,
        "options": lambda options: isinstance(options, dict) and options.keys() == {*OPTIONS},
        "shape": lambda shape: isinstance(shape, list) and len(shape) == 3 and all(type(side) is int for side in shape),
        "classes": lambda names: isinstance(names, list) and all(isinstance(name, str) for name in names),
    }
    wrong = [name for name, fit in fits.items() if name not in saved or not fit(saved[name])]
    if wrong:
        raise ValueError(f"Expected a run of `course_lib train`, got {checkpoint}, without a right {', '.join(wrong)}.")
    return checkpoint, saved


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
    print_once(escaped(checkpoint), *(escaped(f"{name}: {value}") for name, value in saved.items()), sep="\n  ")
    if history:
        print_once(f"  last epoch: {progress.describe(history[-1])}")


def print_once(*values, **options):
    """print(), from the first process alone; raises OSError where it cannot be written."""
    runtime.accelerator().print(*values, flush=True, **options)


def escaped(value):
    """Text without control codes, which a file may hold and a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(value))


def number(kind, low, high):
    """A type of argument: numbers of a kind, int or float, from low to high."""

    def read(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:  # NaN is neither
            kind_named = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"expected a {kind_named} from {low:,} to {high:,}, got {text!r}")
        return value

    return read


def path(text):
    """A type of argument: a path, which is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r}")
    return Path(text)


def command_line():
    """The parser; its help is made of the functions' own words."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", choices=("cpu", "cuda", "mps"), help="default: a GPU where there is one")
    shared.add_argument("--precision", choices=("fp32", "bf16"), help="default: bf16 where it is quicker")
    shared.add_argument("--profile", choices=("fast", "full"), help="embedded or whole data; default: full with a GPU")
    parser = argparse.ArgumentParser(prog="python -m course_lib", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(function):
        text = " ".join((function.__doc__ or function.__name__).split())  # python -OO takes the words away
        added = commands.add_parser(
            function.__name__,
            parents=[shared],
            help=text.split(". ")[0].rstrip("."),
            description=text,
        )
        added.set_defaults(run_command=function)
        return added

    seed = number(int, 0, 2**32 - 1)
    options = command(train)
    about = "; ".join(f"{name}: {recipe.about}" for name, recipe in recipes.RECIPES.items())
    options.add_argument("recipe", choices=recipes.RECIPES, help=about)
    options.add_argument("--data", choices=recipes.DATASETS, help="what to train on; default: as the recipe has it")
    options.add_argument(
        "--epochs", type=number(int, 0, 1_000_000), help="passes over the training images, all in all; default: the recipe's"
    )
    options.add_argument("--out", type=path, required=True, help="folder for the checkpoints")
    options.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    options.add_argument(
        "--batch-size", type=number(int, 1, 1_000_000), help="examples a step, over all processes; default: the recipe's"
    )
    options.add_argument("--learning-rate", type=number(float, 1e-9, 100), help="of the optimizer; default: the recipe's")
    options.add_argument("--seed", type=seed, default=0, help="of weights and shuffling (%(default)s)")
    every = number(int, 1, 1_000_000)
    options.add_argument("--checkpoint-every", type=every, default=500, help="steps between two (%(default)s)")
    command(evaluate).add_argument("run", type=path, help="the --out of a training run")
    options = command(sample)
    names = ", ".join(published.GENERATORS)
    options.add_argument("run", type=path, help=f"the --out of a training run, or a published generator: {names}")
    options.add_argument("--out", type=path, required=True, help="the picture, such as digits.png")
    options.add_argument("--count", type=number(int, 1, 10_000), default=100, help="how many to draw (%(default)s)")
    options.add_argument(
        "--label", type=number(int, 0, 1_000_000), help="the class to draw, for a conditional model; default: all in turn"
    )
    options.add_argument("--caption", help="what to draw, for shapes_text: 'a small red star on a black background'")
    options.add_argument("--steps", type=number(int, 1, 10_000), help="of diffusion and flow; default: the model's")
    options.add_argument("--sampler", choices=samplers.SAMPLERS, help="of diffusion and flow; default: heun")
    options.add_argument("--guidance", type=number(float, 0, 100), help="towards the label, of diffusion and flow")
    options.add_argument("--seed", type=seed, default=0, help="of the noise (%(default)s)")
    options = command(publish)
    options.add_argument("run", type=path, help="the --out of a training run of a recipe that publishes")
    options.add_argument("--out", type=path, required=True, help="folder for the weights and the card")
    command(describe).add_argument("run", type=path, nargs="?", help="a recipe, or the --out of a training run")
    return parser


def main():
    """Run one command. Exit status 1 with one sentence for what went wrong, 130 after Ctrl-C."""
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):
                stream.reconfigure(errors="backslashreplace")  # a locale that lacks a letter
    try:
        run(command_line().parse_args())
    finally:
        leave_stdout()


def run(args):
    """Run one command, and end the process with one sentence for what went wrong."""

    def kept():
        return f" {checkpoints.standing(args.out)}" if args.run_command is train else ""

    try:
        runtime.configure(device=args.device, precision=args.precision, profile=args.profile)
        args.run_command(args)
    except KeyboardInterrupt as stopped:
        print(str(stopped) or f"Stopped.{kept()}", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError, ImportError) as error:
        if short := contract.shortage(error):
            sys.exit(f"error: There was {short}: take a smaller --batch-size or --count, or end other programs.{kept()}")
        sys.exit(f"error: {escaped(' '.join(str(error).split()))}")


def leave_stdout():
    """Write out what is left to print; where it cannot be, drop it, so that Python does not complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AttributeError, ValueError):  # closed from the start
        pass


if __name__ == "__main__":
    main()
