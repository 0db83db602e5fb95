"""The classic small network for photographs, which torchvision knows with pretrained weights."""

import torch
from torch import nn


class ResNet18(nn.Module):
    """torchvision's ResNet-18 (He et al., 2016) for images in 0..1, with a head of its own: (B, 1 or 3, H, W) -> (B, classes).

    Untrained; `published.resnet18` fills all but the head with weights from ImageNet. Images of any size from 32 x 32 on; the
    weights of ImageNet are at their best near 224 x 224.

    classes: the number of logits.
    """

    def __init__(self, classes: int):
        super().__init__()
        from torchvision.models import resnet18

        self.layers = resnet18(weights=None)
        self.layers.fc = nn.Identity()
        self.head = nn.Linear(512, classes)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)  # of ImageNet
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1 or 3, H, W) in 0..1 -> (B, 512). Gray becomes RGB. Raises ValueError for images of another shape."""
        if x.ndim != 4 or x.shape[1] not in (1, 3) or min(x.shape[2:]) < 32:
            raise ValueError(f"Expected images (B, 1 or 3, H, W) of at least 32 x 32, got {tuple(x.shape)}; enlarge them.")
        return self.layers((x - self.mean) / self.deviation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))  # (B, 512) -> (B, classes)
