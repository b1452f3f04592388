"""The values of docs/templates/triangle.md, on *Scaling Down Transformers*."""

import json
import re

import numpy as np
import pandas as pd
from page import draw

from sklearn_emerge import emergence_step
from sklearn_emerge._random import substream
from sklearn_emerge.datasets import load_published
from sklearn_emerge.inference import paired_permutation_test, smallest_p_value
from sklearn_emerge.measures import draw_queries
from sklearn_emerge.measures._guesses import p_value, scores_without_map
from sklearn_emerge.reproduce import EXPERIMENTS, RECIPES, compare_with_published

_TRAINED = {"condition": "structured", "mode": "full"}


def without_map(name, cube, measure, task):
    """Draw the scores, at the end of a run, of networks that have learned no map."""
    experiment = EXPERIMENTS[name]
    world = experiment.world
    known = getattr(experiment.options["measures"][measure], "keywords", {})
    # The training sequences of the run, of which some queries are known by heart.
    entropy = json.loads(cube.attrs["configuration"])["entropy"]
    train, _ = world.split(*world.default_split(None, None), substream(entropy, "data"))
    queries = draw_queries(world, task, train=train, random_state=0, **known)
    return scores_without_map(queries, world, world.row_length - 1, queries.seen)


def emergence(cubes):
    """Return a table of the updates from which a task stays solved, and of the scores at the end."""
    rows = []
    for name, cube in cubes.items():
        prompts = {"tasks": "the paper's", "disjoint_tasks": "disjoint"}
        if "disjoint_tasks_trajectory" not in cube:
            prompts = {"tasks": "disjoint"}
        for measure, kind in prompts.items():
            scores = cube[f"{measure}_trajectory"].sel(_TRAINED)
            scores = scores.mean("seed").dropna("step", how="all")
            for task in scores.task.values.tolist():
                own = scores.sel(task=task)
                steps = {
                    score: float(emergence_step(own.sel(score=score), 0.5, n_sustained=2))
                    for score in ("words", "sentences")
                }
                end = {score: float(own.isel(step=-1).sel(score=score)) for score in _SCORES}
                drawn = without_map(name, cube, measure, task)
                rows.append(
                    {
                        "experiment": name,
                        "task": task,
                        "prompts": kind,
                        "half of the words from": steps["words"],
                        "half of the sentences from": steps["sentences"],
                        "words": end["words"],
                        "no map": float(drawn.words.mean()),
                        "p": p_value(drawn.words, end["words"]),
                        "sentences": end["sentences"],
                        "chosen": end["choice"],
                        "chosen, no map": float(drawn.choice.mean()),
                        "p chosen": p_value(drawn.choice, end["choice"]),
                        "loss": end["loss"],
                        "seen in training": end["seen"],
                    }
                )
    return pd.DataFrame(rows)


_SCORES = ("words", "sentences", "choice", "loss", "seen")


def findings(cubes, table):
    """Return what the runs of Figure 2 show of A->C with 50 examples, and with none."""
    if not {"triangle-2b", "triangle-2c"} <= set(cubes):
        return None
    table = table[table.task == "A->C"].set_index(["experiment", "prompts"])
    cube = cubes["triangle-2c"].sel(_TRAINED).isel(seed=0)
    loss = cube.disjoint_tasks_trajectory.sel(score="loss", step=[0, 180, 261, 360, 900])
    updates = loss.step.values.tolist()
    words = cube.tasks_trajectory.sel(task="A->C", score="words")
    return {
        "given_away": table.loc["triangle-2c", "the paper's"],
        "disjoint": table.loc["triangle-2c", "disjoint"],
        "none": table.loc["triangle-2b", "disjoint"],
        "sparse_loss": dict(zip(updates, loss.sel(task="A->C").values.tolist(), strict=True)),
        "dense_loss": dict(
            zip(updates, loss.sel(task=["A->B", "B->C"]).max("task").values.tolist(), strict=True)
        ),
        "rise": words.sel(step=[270, 360, 450, 540, 900]).values.tolist(),
    }


def composition(cubes):
    """Return tables of A->C by its examples, beside the null, and of the words between."""
    if not cubes:
        return None
    rows, between = [], []
    null = {"condition": "redrawn", "mode": "full"}
    untrained = {"condition": "structured", "mode": "random"}
    for name, cube in cubes.items():
        last = cube.isel(step=-1)
        network = name.removeprefix("triangle-sparse-")
        for size in cube.world__sparse_examples.values.tolist():
            at = {"world__sparse_examples": size}
            row = {"network": network, "examples of A->C": size}
            for score, share_of, of_null, side in (
                ("words", "words", "redrawn", "p"),
                ("choice", "chosen", "chosen, redrawn", "p chosen"),
            ):
                share = last.tasks_trajectory.sel(at | {"score": score, "task": "A->C"})
                ours, others = share.sel(_TRAINED), share.sel(null)
                row[share_of], row[of_null] = float(ours.mean()), float(others.mean())
                row[f"{side} better"] = paired_permutation_test(ours, others).pvalue
                row[f"{side} worse"] = paired_permutation_test(others, ours).pvalue
            dense = last.tasks_trajectory.sel(at | {"score": "words", "task": ["A->B", "B->C"]})
            row["words of A->B and B->C"] = float(dense.sel(_TRAINED).mean())
            rows.append(row | {"verdict": cube.verdict.sel(at).item()})
            for reading in ("probe", "head"):
                # The layer before the last, or the only one.
                share = last.between_trajectory.sel(at | {"reading": reading, "layer": 1})
                of_chain = share.sel(solving="A->C")
                between.append(
                    {
                        "network": network,
                        "examples of A->C": size,
                        "read by": reading,
                        "while A->B is solved": float(
                            share.sel(_TRAINED | {"solving": "A->B"}).mean()
                        ),
                        "while A->C is solved": float(of_chain.sel(_TRAINED).mean()),
                        "A->C, redrawn": float(of_chain.sel(null).mean()),
                        "A->C, untrained": float(of_chain.sel(untrained).mean()),
                    }
                )
    frame, between = pd.DataFrame(rows), pd.DataFrame(between)
    by_head = between[between["read by"] == "head"].groupby("network")
    models = [EXPERIMENTS[name].model for name in cubes if name.endswith("transformer")]
    of_transformers = frame[(frame.network == "transformer") & (frame["examples of A->C"] == 50)]
    n_left = 4
    return {
        "rows": frame,
        "between": between,
        "seeds": sorted({cube.sizes["seed"] for cube in cubes.values()}),
        "still_learning": sorted(
            {
                mode
                for cube in cubes.values()
                for reason in cube.verdict_reason.values
                for mode in re.findall(r"training had not ended: .*?, (\w+)\)", reason)
            }
        ),
        "smallest_p": smallest_p_value(7),
        # Of four words that are left, and of as many that fewer and fewer are left of.
        "guessed_words": 1 / n_left,
        "guessed_choices": float(np.mean([1 / k for k in range(1, n_left + 1)])),
        "sides": [
            {"side": side, "of": of, "rows": frame[frame[column] <= 0.05]}
            for side in ("better", "worse")
            for of, column in (("right words", f"p {side}"), ("words chosen", f"p chosen {side}"))
        ],
        "dense": frame["words of A->B and B->C"].min(),
        "sizes": [(model.hidden_size, model.max_steps) for model in models],
        "words_of_fifty": float(of_transformers.words.mean()),
        "read_by_head": by_head[["while A->C is solved", "A->C, redrawn"]].mean(),
    }


def facts(published):
    """Return facts about the paper and its runs that the text states."""
    figure = load_published("triangle-fig2c").A2C
    experiments = {name: EXPERIMENTS[f"triangle-{name}"] for name in ("2a", "2a-fair", "2c")}
    full = published.get("triangle-2c")
    return {
        "last_epoch": figure.iloc[-1],
        "last_ten": figure[-10:].mean(),
        "updates": {name: each.model.max_steps for name, each in experiments.items()},
        "examples": experiments["2c"].world.examples,
        "batch_size": experiments["2c"].model.batch_size,
        "n_parameters": None if full is None else int(full.n_parameters.sel(_TRAINED)),
    }


def triangle_values(published, corrected, figures):
    """Return the named values."""
    frames, drawn = [], []
    for name, recipe in RECIPES.items():
        if not name.startswith("triangle"):
            continue
        cubes = corrected if recipe.figure == "sparse" else published
        if not set(recipe.experiments) <= set(cubes):
            continue
        drawn.append({"title": recipe.title, "name": name, "line": draw(name, cubes, figures)})
        if recipe.table is not None:
            frames.append(
                compare_with_published({e: cubes[e] for e in recipe.experiments}, recipe.table)
            )
    trajectories = {n: published[n] for n in published if n.startswith("triangle")}
    emerged = emergence(trajectories) if trajectories else None
    return {
        "facts": facts(published),
        "rows": pd.concat(frames, ignore_index=True) if frames else None,
        "emergence": emerged,
        "findings": findings(trajectories, emerged),
        "figures": drawn,
        "composition": composition(
            {n: cube for n, cube in corrected.items() if n.startswith("triangle-sparse")}
        ),
    }
