"""Grades honest and hostile submissions, one and many, and writes down what each earned and what grading costs.

python benchmarks/grading.py hostile       (every hostile submission; minutes, for some run into the wall clock)
python benchmarks/grading.py honest        (honest ones, while every core is kept busy by something else)
python benchmarks/grading.py docker        (both sets in Docker's containers, for those who have it)
python benchmarks/grading.py cost          (processor time of the judge, and the clock, for a sandbox and a submission)
python benchmarks/grading.py many 1000     (the same small submission many times, two at a time)
python benchmarks/grading.py class         (ten submissions, from a zip to the filled sheet, as the book tells it)
python benchmarks/grading.py dask 1000     (on two Dask workers, one of which is killed on the way; pip install -e .[dask])

Each writes its part of benchmarks/results/grading.json as it goes; what is there is not measured again unless it is deleted.
"""

import argparse
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

os.environ.update(COURSE_LIB_DEVICE="cpu", OMP_NUM_THREADS="1")

from course_lib import runtime
from course_lib.grading import hostile, judge, report, sandbox, source
from course_lib.grading.batch import grade_all, read

RESULTS = Path(__file__).parent / "results" / "grading.json"
ASSIGNMENTS = Path(__file__).parents[1] / "book" / "assignments"
HONEST = {  # name: (code that follows the honest cells, points)
    "as the solution": ("", 6),
    "with a loop": ("def window(x, k):\n    return np.array([sum(x[i:i + k]) for i in range(len(x) - k + 1)])", 6),
    "a list of numbers": ("def window(x, k):\n    return [float(x[i:i + k].sum()) for i in range(len(x) - k + 1)]", 6),
    "by cumulative sums": ("def window(x, k):\n    s = np.cumsum(np.r_[0, x])\n    return s[k:] - s[:-k]", 6),
    "in single precision, rounded": ("f = window\ndef window(x, k):\n    return np.round(f(x, k), 8)", 6),
    "slow and right": ("f = window\ndef window(x, k):\n    for _ in range(4_000_000): pass\n    return f(x, k)", 6),
    "waits and is right": ("import time\nf = window\ndef window(x, k):\n    time.sleep(2)\n    return f(x, k)", 6),
    "a class and a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass W:\n    k: int\n    def __call__(self, x): return f(x, self.k)\n"
        "f = window\nwindow = lambda x, k: W(k)(x)",
        6,
    ),
    "a number as a float": ("number = float(number)", 6),
    "a number as an array": ("number = np.array(number)", 6),
    "magics and a figure": ("%matplotlib inline\n!pip install -q numpy\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);", 6),
    "an error in a cell of its own": ("1 / 0", 6),
    "prints a lot": ("for i in range(10_000): print(i)", 6),
    "right for two neighbours alone": ("def window(x, k):\n    return x[1:] + x[:-1]", 4),
    "another number": ("number = 5", 4),
    "nothing right": ("number = None\nwindow = None", 0),
}


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def save(part, value):
    results = load() | {"machine": runtime.describe_machine().splitlines(), "command": "python benchmarks/grading.py PART"}
    results[part] = value
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")


def try_hostile(backend="bubblewrap", part="hostile"):
    """Each hostile submission: its points, those it may earn, and what it got that it must not."""
    found = load().get(part, {})
    for attack in hostile.SET:
        if attack.name in found:
            continue
        got, result = hostile.try_one(backend, attack)
        found[attack.name] = {"points": result["points"], "honest": attack.points, "got": got}
        print(f"{attack.name}: {result['points']:g} of {attack.points:g} {got or ''}", flush=True)
        save(part, found)
    print(f"{sum(not each['got'] for each in found.values())} of {len(found)} were held")


def try_honest(backend="bubblewrap", part="honest"):
    """Each honest submission, while twice as many loops run as there are cores."""
    found, loops = {}, [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, (code, points) in HONEST.items():
                path = Path(folder, "x.ipynb")
                path.write_bytes(hostile.notebook([*hostile.HONEST, code]))
                result = judge.grade("somebody", path, hostile.PROBE, "probe", hostile.SECRET, backend=backend)
                found[name] = {"points": result["points"], "right": points}
                print(f"{name}: {result['points']:g} of {points}", flush=True)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    save(part, found)


def in_docker():
    """Both sets again, each submission in a container."""
    try_hostile("docker", "hostile_in_docker")
    try_honest("docker", "honest_in_docker")


def class_of_ten(folder):
    """A class as Canvas hands it out: ten submissions of by_hand in a zip, and the sheet; and a key."""
    assignment = source.Assignment.open(ASSIGNMENTS / "by_hand.md")
    students = [f"{number}" for number in range(101, 111)]
    wrong = {
        question.name: {place: code} for question in assignment.questions.values() for _, _, place, code in question.wrong[:1]
    }
    cells = {who: assignment.solved(source.ticket(hostile.SECRET, "by_hand", who)) for who in students}
    for who, question in (("102", "loss"), ("103", "backward"), ("104", "bug"), ("105", "train")):
        cells[who] = assignment.solved(source.ticket(hostile.SECRET, "by_hand", who), replace=wrong[question])
    cells["106"] = [*cells["106"], "while True:\n    pass"]
    cells["107"] = [cell for cell in cells["107"] if "def gradients" not in cell]
    cells["110"] = cells["101"]
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        for who in students:
            name = zipfile.ZipInfo(f"student{'_LATE' * (who == '109')}_{who}_9{who}_by_hand.ipynb", (2026, 11, 20, 17, 30, 0))
            if who == "109":
                name.date_time = (2026, 11, 21, 20, 0, 0)
            archive.writestr(name, b"%PDF-1.7" if who == "108" else hostile.notebook(cells[who]))
    head = "Student,ID,SIS User ID,SIS Login ID,Section,By hand (4711)\n    Points Possible,,,,,20\n"
    (folder / "gradebook.csv").write_text(head + "".join(f"Student {who},{who},,,,\n" for who in [*students, "111"]))
    (folder / "key.txt").write_text(hostile.SECRET)


def one_class():
    """What the book's page tells: each command, what it prints, and the points."""
    target = Path("_build/class_of_ten").absolute()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    class_of_ten(target)
    shutil.copy(ASSIGNMENTS / "by_hand.md", target)
    commands = (
        "collect submissions.zip --sheet gradebook.csv --due 2026-11-20T18:00 --out submissions",
        "grade by_hand.md submissions --key key.txt --out results.jsonl --workers 2",
        "report by_hand.md results.jsonl --late submissions/collected.csv --late-percent 10 --out pages",
        "export results.jsonl --sheet gradebook.csv --late submissions/collected.csv --late-percent 10 --out filled.csv",
    )
    told = {}
    for command in commands:
        run = [sys.executable, "-m", "course_lib.grading", *command.split()]
        done = subprocess.run(run, cwd=target, capture_output=True, text=True, check=True)
        told[command] = done.stdout.replace(f"{target}/", "").splitlines()
        print(f"$ {command}\n{done.stdout}", flush=True)
    points = {
        row[1]: float(row[5])
        for row in csv.reader((target / "filled.csv").read_text().splitlines())
        if row[1].isdigit() and row[5]
    }
    rows = report.of_questions(read(target / "results.jsonl"))
    save("class", {"printed": told, "points": points, "questions": rows})


def measured(function):
    """Processor seconds of this process, and seconds on the clock: the smallest of five."""
    times = []
    for _ in range(5):
        before = time.process_time(), time.monotonic()
        function()
        times.append((time.process_time() - before[0], time.monotonic() - before[1]))
    return dict(zip(("judge", "clock"), [round(min(each), 3) for each in zip(*times, strict=True)], strict=True))


def cost():
    def first_answer(code):
        box = sandbox.Sandbox("bubblewrap")
        box.ask({"do": "cell", "number": 1, "source": code}, 60)
        box.stop()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.ipynb")
        path.write_bytes(hostile.notebook(hostile.HONEST))
        small = measured(lambda: judge.grade("somebody", path, hostile.PROBE, "probe", hostile.SECRET))
        text = (ASSIGNMENTS / "by_hand.md").read_text()
        own = source.ticket(hostile.SECRET, "by_hand", "somebody")
        path.write_bytes(hostile.notebook(source.Assignment(text, "by_hand").solved(own)))
        whole = measured(lambda: judge.grade("somebody", path, text, "by_hand", hostile.SECRET))
    found = {
        "a sandbox that answers": measured(lambda: first_answer("")),
        "with torch": measured(lambda: first_answer("import torch")),
    }
    found |= {"a small submission": small, "the assignment by_hand": whole}
    print(json.dumps(found, indent=2))
    save("seconds", found)


def class_of(folder, count):
    """So many submissions of one notebook, each with its student's ticket."""
    submissions = {}
    for number in range(count):
        who = f"s{number:04}"
        own = source.ticket(hostile.SECRET, "probe", who)
        submissions[who] = Path(folder, f"{who}.ipynb")
        submissions[who].write_bytes(hostile.notebook([cell.replace("TICKET", own) for cell in hostile.HONEST]))
    return submissions


def busy():
    """Processor seconds that this machine has spent since it was started, waiting not counted."""
    spent = psutil.cpu_times()
    return sum(spent) - spent.idle - spent.iowait - spent.guest - spent.guest_nice  # guests are part of user and nice


@contextlib.contextmanager
def sandboxes_counted():
    """Gives a list that gets the processor seconds of each sandbox, read as it is ended."""
    seconds, stop = [], sandbox.Sandbox.stop

    def counted(self):
        with contextlib.suppress(psutil.Error):
            first = psutil.Process(self.process.pid)
            seconds.append(sum(sum(each.cpu_times()[:2]) for each in (first, *first.children(recursive=True))))
        stop(self)

    sandbox.Sandbox.stop = counted
    try:
        yield seconds
    finally:
        sandbox.Sandbox.stop = stop


def many(count):
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool, sandboxes_counted() as sandboxes:
        submissions, memory, out = class_of(folder, count), [], Path(folder, "results.jsonl")
        start, machine, own = time.monotonic(), busy(), time.process_time()

        def after_each(_):
            memory.append(psutil.Process().memory_info().rss >> 20)

        results = grade_all(submissions, hostile.ASSIGNMENT, hostile.SECRET, out, pool, width=2, after_each=after_each)
        own, machine, seconds = time.process_time() - own, busy() - machine, time.monotonic() - start
        found = {
            "submissions": count,
            "with_all_points": sum(result["points"] == 6 for result in results),
            "lines": len(out.read_text().splitlines()),
            "seconds": round(seconds, 1),
            "processor_seconds": {
                "judge": round(own, 1),
                "sandboxes": round(sum(sandboxes), 1),
                "all else on the machine": round(machine - own - sum(sandboxes), 1),
            },
            "memory_mb_after_a_tenth_and_at_the_end": [memory[count // 10], memory[-1]],
        }
    print(json.dumps(found, indent=2))
    save("many", found)


def dask(count):
    from distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        submissions, out, killed = class_of(folder, count), Path(folder, "results.jsonl"), []
        start = time.monotonic()

        def after_each(_):
            if not killed and len(read(out)) >= count // 3:
                killed.append(next(iter(client.run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)

        results = grade_all(
            submissions, hostile.ASSIGNMENT, hostile.SECRET, out, client.get_executor(), width=2, after_each=after_each
        )
        found = {
            "submissions": count,
            "workers_killed": len(killed),
            "with_all_points": sum(result["points"] == 6 for result in results),
            "lines": len(out.read_text().splitlines()),
            "seconds": round(time.monotonic() - start, 1),
        }
    print(json.dumps(found, indent=2))
    save("dask", found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = {"hostile": try_hostile, "honest": try_honest, "docker": in_docker, "class": one_class, "cost": cost}
    parts |= {"many": many, "dask": dask}
    parser.add_argument("part", choices=parts)
    parser.add_argument("count", type=int, nargs="?", default=1000, help="for many and dask")
    args = parser.parse_args()
    parts[args.part](*([args.count] if args.part in ("many", "dask") else []))


if __name__ == "__main__":
    main()
