"""The history, sent to a tracker as it grows."""

from accelerate.tracking import GeneralTracker

from .callback import Callback


class Track(Callback):
    """Sends each epoch's row of the history to one of Accelerate's trackers, from the first process.

    tracker: such as `accelerate.tracking.TensorBoardTracker("mlp", "runs")`, which `tensorboard --logdir runs` shows;
        Weights & Biases, MLflow and others have one too.
    """

    def __init__(self, tracker: GeneralTracker):
        super().__init__()
        self.tracker, self._started = tracker, False

    def on_fit_start(self, trainer):
        if not self._started:
            self.tracker.start()
            self._started = True

    def on_epoch_end(self, trainer):
        self.tracker.log({name: value for name, value in trainer.history[-1].items() if name != "step"}, step=trainer.step)
