"""Tests that a generator cannot pass by what the distances let through: copies, and differences that no mean shows."""

import torch
from torch import nn

from .generative import nearest


def copied(generated: torch.Tensor, training: torch.Tensor, held_out: torch.Tensor) -> float:
    """The share of generated images nearer to a training image than all but a hundredth of held-out real ones are.

    About 0.01 when nothing is copied; held-out images are the control. After Meehan et al., 2020, who compare all of both.

    generated, training, held_out: (N, D), (M, D) and (K, D), pixels or features, alike in kind.

    Raises ValueError for unlike widths, and for fewer than 100 held-out images.
    """
    widths = [tuple(x.shape[1:]) for x in (generated, training, held_out)]
    if len(set(widths)) > 1 or generated.ndim != 2 or len(held_out) < 100:
        raise ValueError(
            f"Expected generated, training and held-out (N, D) of one width, at least 100 of the last; got "
            f"{', '.join(str(tuple(x.shape)) for x in (generated, training, held_out))}."
        )
    to_generated, to_held_out = (nearest(each.float(), training.float())[0] for each in (generated, held_out))
    return (to_generated < to_held_out.quantile(0.01)).float().mean().item()


def two_sample_accuracy(real: torch.Tensor, generated: torch.Tensor, *, seed: int = 0, epochs: int = 30) -> float:
    """How often a small network tells generated from real images that it has not seen: 0.5 if they cannot be told apart.

    It learns on a half of each, from numbers and their squares, and answers for the other. Source: Lopez-Paz and Oquab, 2017.

    real, generated: (N, D) and (N, D), pixels or features.
    seed: of its weights, of the halves and of the batches; the random generator outside is left as it is.
    epochs: passes over the half that it learns on.

    Raises ValueError for unlike shapes and fewer than 20 images of each.
    """
    if real.ndim != 2 or real.shape != generated.shape or len(real) < 20:
        raise ValueError(
            f"Expected real and generated (N, D) of one shape, N at least 20, got {tuple(real.shape)} and "
            f"{tuple(generated.shape)}."
        )
    device, half = real.device, len(real) // 2
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        sets = [each.detach().float()[torch.randperm(len(each)).to(device)] for each in (real, generated)]
        train, test = (torch.cat([each[part] for each in sets]) for part in (slice(0, half), slice(half, 2 * half)))
        center, scale = train.mean(0), train.std(0) + 1e-2 * train.std() + 1e-12
        train, test = (_with_squares(((each - center) / scale).clamp(-3, 3)) for each in (train, test))
        answers = torch.arange(2, device=device).repeat_interleave(half).float()  # 0 for real, 1 for generated
        network = nn.Sequential(nn.Linear(2 * real.shape[1], 128), nn.SiLU(), nn.Linear(128, 1), nn.Flatten(0)).to(device)
        optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.1, fused=True)
        loss = nn.BCEWithLogitsLoss()
        for _ in range(epochs):
            for index in torch.randperm(2 * half).to(device).split(100):
                optimizer.zero_grad()
                loss(network(train[index]), answers[index]).backward()
                optimizer.step()
        return ((network(test) > 0) == (answers > 0)).float().mean().item()


def _with_squares(x):
    """(N, D) -> (N, 2 D): a network of one hidden layer is slow to find out squares by itself."""
    return torch.cat([x, x.square() - 1], 1)
