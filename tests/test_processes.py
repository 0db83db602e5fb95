"""Two processes on one machine compute what one does."""

import json
import subprocess
import sys
import textwrap

import pytest

from course_lib import checkpoints

RUN = """
    import json, sys
    from functools import partial
    import torch
    from course_lib import data, models, objectives, runtime
    from course_lib.callbacks import Checkpoints
    from course_lib.trainer import Trainer

    torch.manual_seed(int(runtime.accelerator().process_index))  # the first process's weights must win
    spirals = data.spirals(101)  # the last batch of 5 is shared out unevenly
    trainer = Trainer(
        objectives.Classification(models.MLP((2, 32, 3))), partial(torch.optim.Adam, lr=1e-2),
        batch_size=16, callbacks=[Checkpoints(sys.argv[1])], progress=False,
    )
    trainer.fit(spirals, 5, validation=data.moons(33))
    predictions = trainer.predict(spirals).tolist()
    if runtime.accelerator().is_main_process:
        print(json.dumps({"history": trainer.history, "predictions": predictions}))
"""


def outcome(folder, launcher):
    script = folder / "run.py"
    script.write_text(textwrap.dedent(RUN))
    done = subprocess.run(
        [sys.executable, *launcher, str(script), str(folder / "run")], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_processes_give_the_loss_curve_of_one(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one = outcome(folders[0], [])
    two = outcome(folders[1], ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"])
    for a, b in zip(one["history"], two["history"], strict=True):
        for name in ("step", "loss", "validation_loss", "validation_accuracy"):
            assert a[name] == pytest.approx(b[name], rel=1e-5), name
    assert one["predictions"] == two["predictions"]
    assert [path.name for path in checkpoints.every(folders[1] / "run")] == ["step-00000035"]
