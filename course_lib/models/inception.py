"""The Inception network of the original FID: torchvision's, with the layers of the package pytorch-fid where they differ."""

import torch
import torch.nn.functional as F
from torch import nn


class Inception(nn.Module):
    """Inception v3 (Szegedy et al., 2016) up to its last pooling, with the poolings of the TensorFlow graph of 2015-12-05.

    Untrained; `published.inception` fills it with the weights of that graph. Raises ImportError without pytorch-fid.
    """

    def __init__(self):
        super().__init__()
        try:
            from pytorch_fid.inception import FIDInceptionA, FIDInceptionC, FIDInceptionE_1, FIDInceptionE_2
        except ImportError:
            raise ImportError(
                "Expected the package pytorch-fid, which knows the layers of the FID's Inception network, and found none; "
                "pip install pytorch-fid."
            ) from None
        from torchvision.models import inception_v3

        self.layers = inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
        self.layers.Mixed_5b = FIDInceptionA(192, pool_features=32)
        self.layers.Mixed_5c = FIDInceptionA(256, pool_features=64)
        self.layers.Mixed_5d = FIDInceptionA(288, pool_features=64)
        self.layers.Mixed_6b = FIDInceptionC(768, channels_7x7=128)
        self.layers.Mixed_6c = FIDInceptionC(768, channels_7x7=160)
        self.layers.Mixed_6d = FIDInceptionC(768, channels_7x7=160)
        self.layers.Mixed_6e = FIDInceptionC(768, channels_7x7=192)
        self.layers.Mixed_7b = FIDInceptionE_1(1280)
        self.layers.Mixed_7c = FIDInceptionE_2(2048)
        self.layers.fc = nn.Identity()

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) in 0..1, C = 1 or 3 -> (B, 2048). Gray becomes RGB; the resize to 299 x 299 is bilinear, not smoothed.

        Raises ValueError for images of another shape.
        """
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ValueError(f"Expected images (B, C, H, W) with C = 1 or 3, got {tuple(x.shape)}.")
        x = x.expand(-1, 3, -1, -1)  # (B, 1, H, W) -> (B, 3, H, W)
        x = F.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
        return self.layers(2 * x - 1)
