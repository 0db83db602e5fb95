"""The one table, made from the files of the runs."""

import json
import statistics
from pathlib import Path

import numpy as np
from PIL import Image

from . import protocol, runs

T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # Student's t of a 95 % interval from so many runs
FLOOR = "published/real_*-0.json"
COLUMNS = ("frechet", "above_floor", "precision", "recall", "coverage", "told_apart", "copied", "seconds_an_image")


def interval(values):
    """The mean of numbers that differ in their seed, and half of its 95 % interval, or None for a single one."""
    if len(values) == 1:
        return [values[0], None]
    half = T_95[len(values)] * statistics.stdev(values) / len(values) ** 0.5
    return [float(f"{statistics.mean(values):.5g}"), float(f"{half:.2g}")]


def summary(rows):
    """One row from runs that differ in their seed: intervals of all measures, and of those facts that differ."""
    facts = {}
    for name in rows[0].keys() - {"measures", "seed", "version"}:
        values = [row[name] for row in rows]
        same = all(value == values[0] for value in values)
        facts[name] = values[0] if same or not isinstance(values[0], float) else interval(values)
    measures = {name: interval([row["measures"][name] for row in rows]) for name in rows[0]["measures"]}
    return dict(sorted(facts.items())) | measures


def lines(table):
    """The table as text."""
    head = f"{'':18}" + "".join(f"{name:>18}" for name in COLUMNS)
    return "\n".join([head, *(f"{name:18}" + "".join(_cell(row.get(key)) for key in COLUMNS) for name, row in table.items())])


def write(folder, out, kind="mnist"):
    """Make the table of all runs with a kind of pictures, and the sheet of their first images; returns it as text.

    Rows of a table that is there already stay, but for those that the folder has runs of, so that a new family needs no run of
    the others but of real images, its floor. above_floor: how much the distance exceeds that of real images against the same
    images; paired, so that which images these were does not widen the interval.
    """
    pictures = protocol.PICTURES[kind]
    out = out / f"{pictures.study}.json"
    machines, found = _standing(out)
    floors = {row["seed"]: row["measures"]["frechet"] for row in _runs(Path(folder) / FLOOR)}
    for path in sorted(Path(folder).glob("*/*-0.json")):
        rows = _runs(path)
        for row in rows:
            if row["seed"] in floors:
                row["measures"]["above_floor"] = row["measures"]["frechet"] - floors[row["seed"]]
        row = summary(rows)
        setting = path.with_name(path.name.replace("-0.json", "-setting.json"))
        if setting.exists():
            row["tried"] = runs.read(setting)["tried"]
        row["runs"] = len(rows)
        machines.add(tuple(row.pop("machine")))
        found[row.pop("budget"), row.pop("family")] = row, np.asarray(Image.open(path.with_suffix(".png")))
    budgets, sheet = {}, []
    for (budget, family), (row, strip) in sorted(found.items(), key=lambda each: each[0]):
        budgets.setdefault(budget, {})[family] = row | {"row_of_the_picture": len(sheet)}
        sheet.append(strip)
    table = {"version": protocol.VERSION, "count": pictures.count, "machines": sorted(machines), "budgets": budgets}
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    Image.fromarray(np.concatenate(sheet)).save(out.with_suffix(".png"), optimize=True)
    return "\n\n".join(f"{budget}\n{lines(rows)}" for budget, rows in budgets.items())


def _standing(path):
    """The machines of a table, and its rows with their images by budget and family; of another version, none."""
    table = json.loads(path.read_text()) if path.exists() else {}
    if table.get("version") != protocol.VERSION:
        return set(), {}
    sheet = np.asarray(Image.open(path.with_suffix(".png")))
    strips = np.split(sheet, sum(map(len, table["budgets"].values())))
    found = {
        (budget, family): (row, strips[row["row_of_the_picture"]])
        for budget, rows in table["budgets"].items()
        for family, row in rows.items()
    }
    return {tuple(machine) for machine in table["machines"]}, found


def _runs(path):
    """The runs that differ from one of seed 0 in their seed, in its order."""
    return [runs.read(each) for each in sorted(path.parent.glob(path.name.replace("-0.json", "-[0-9].json")))]


def _cell(value):
    mean, half = value if isinstance(value, list) else (value, None)
    if mean is None:
        return f"{'':>18}"
    text = f"{mean:.4g}" if half is None else f"{mean:.4g} ± {half:.1g}"
    return f"{text:>18}"
