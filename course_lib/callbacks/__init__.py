"""What else happens during training. A trainer calls its callbacks in the order of its list, those that save last."""

from .callback import Callback
from .checkpointing import Checkpoints
from .early_stopping import EarlyStopping
from .ema import EMA
from .learning_rate import LRSchedule, cosine, one_cycle
from .sample_grid import SampleGrid
from .tracking import Track

__all__ = ["EMA", "Callback", "Checkpoints", "EarlyStopping", "LRSchedule", "SampleGrid", "Track", "cosine", "one_cycle"]
