"""The part of docs/reproduction.md on *Scaling Down Transformers*."""

import pandas as pd
from page import draw, table

from sklearn_emerge import emergence_step
from sklearn_emerge.inference import paired_permutation_test
from sklearn_emerge.reproduce import RECIPES, compare_with_published

_DIFFERENCES = """
1. **Six solved examples are one and three quarters.** The prompt has six, but the model sees 45 tokens, and an example takes 20. What tells it the target language is one example and a part of another.
2. **A prompt gives words away.** The solved examples are drawn at random from eight words, so that most queries have words whose translation stands in the prompt. Ours (`task_scores` and `score_tasks`) are disjoint
   from the query unless told otherwise; the runs of Figure 2 below keep the source's way.
3. **Figure 2a had nine times fewer updates.** 50 examples fill so few rows that an epoch is one update, where Figures 2b and 2c have nine. `triangle-2a` is the source's, `triangle-2a-fair` has their 900 updates.
4. **'65%' is the end of a straight line** fitted to single epochs of five queries; the last epoch scores .10, the mean of the last ten is .565.
5. **Losses in the notebooks are averages of running averages.** The mean loss of an epoch is lower, and what ours is compared with.
6. **The bound of 7.74%** for recall doubles Hoeffding's one-sided bound, and is for one epoch of five queries.
7. **Attention is scaled by the width of the model**, not of a head, and an activation follows both layers of the feed-forward network; the text has neither. Each gradient is clipped on its own.
8. **'.24' for one right word** is a misprint of .25.
""".strip()


def triangle_part(published, corrected, figures):
    """Return the paragraphs."""
    frames, drawn = [], []
    for name, recipe in RECIPES.items():
        if not name.startswith("triangle"):
            continue
        cubes = corrected if recipe.figure == "sparse" else published
        if not set(recipe.experiments) <= set(cubes):
            continue
        drawn.append(f"### {recipe.title} (`{name}`)\n\n{draw(name, cubes, figures)}")
        if recipe.table is not None:
            frames.append(
                compare_with_published({e: cubes[e] for e in recipe.experiments}, recipe.table)
            )
    parts = [
        "# *Scaling Down Transformers*, figure by figure",
        "A transformer translates between artificial languages. Of A->B and B->C it sees 2,500 examples each, of A->C, which follows from them, 50 or none. Figure 2 is run at full size: 4.5 million parameters, the "
        "source's variant of the architecture and of its two-token text, 900 updates of 256 rows, one run (as in the source) in bfloat16, and 200 queries a point where the source has five. Table 1 is run with a small "
        "transformer of today's conventions; `python -m sklearn_emerge reproduce triangle-table-1-full --device cuda` runs it with the source's 34 million parameters.",
        "## What differs between the paper, its program and ours",
        _DIFFERENCES,
    ]
    if frames:
        rows = pd.concat(frames, ignore_index=True)
        agree = int((rows.finding == "agrees").sum())
        parts += [
            "## Published and ours, translations",
            f"**{agree} of {len(rows)} values agree.** Shares of right words are means of the last ten epochs of five queries each in the source, and at the last update in ours; they agree within two standard errors "
            "of their difference, losses (nats per token) within .03.",
            table(rows),
        ]
    trajectories = {n: published[n] for n in published if n.startswith("triangle")}
    if trajectories:
        parts += ["## When tasks emerge", emergence(trajectories)]
    parts += ["## Figures of translations", *drawn] if drawn else []
    sparse = {n: cube for n, cube in corrected.items() if n.startswith("triangle-sparse")}
    if sparse:
        parts += ["## Is the sparse task composed of the dense ones?", *composition(sparse)]
    return parts


def emergence(cubes):
    """Return a table of the updates from which a task stays solved, by words and by loss."""
    rows = []
    for name, cube in cubes.items():
        scores = cube.tasks_trajectory.sel(condition="structured", mode="full").mean("seed")
        for task in scores.task.values.tolist():
            own = scores.sel(task=task)
            words = emergence_step(own.sel(score="words"), 0.5, n_sustained=2)
            sentences = emergence_step(own.sel(score="sentences"), 0.5, n_sustained=2)
            end = own.dropna("step", how="all").isel(step=-1)
            rows.append((name, task, float(words), float(sentences),
                         *(float(end.sel(score=s)) for s in ("words", "sentences", "loss"))))  # fmt: skip
    columns = ["experiment", "task", "half of the words from", "half of the sentences from",
               "words at the end", "sentences at the end", "loss at the end"]  # fmt: skip
    return (
        "Updates from which half of the words, and of the sentences, are right at two recorded updates in a row; empty where they never are. The loss is in nats per translated word.\n\n"
        + table(pd.DataFrame(rows, columns=columns))
    )


def composition(cubes):
    """Return paragraphs on the number of sparse examples, the null and the words between."""
    rows = []
    for name, cube in cubes.items():
        last = cube.isel(step=-1)
        words = last.tasks_trajectory.sel(score="words", task="A->C")
        between = last.intermediate_trajectory.sel(word="intermediate")
        between = between.isel(layer=-2 if between.sizes["layer"] > 1 else 0)
        for size in cube.world__sparse_examples.values.tolist():
            at = {"world__sparse_examples": size}
            w, b = words.sel(at), between.sel(at)
            real, null, untrained = (
                {"condition": "structured", "mode": "full"},
                {"condition": "redrawn", "mode": "full"},
                {"condition": "structured", "mode": "random"},
            )
            rows.append((
                name.removeprefix("triangle-sparse-"), size,
                *(float(w.sel(c).mean()) for c in (real, null)),
                paired_permutation_test(w.sel(real), w.sel(null)).pvalue,
                *(float(b.sel(c).mean()) for c in (real, null, untrained)),
                paired_permutation_test(b.sel(real), b.sel(untrained)).pvalue,
                cube.verdict.sel(at).item(),
            ))  # fmt: skip
    columns = ["network", "examples of A->C", "words", "words, redrawn", "p", "between",
               "between, redrawn", "between, untrained", "p between", "verdict"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return [
        "If A->C is learned by way of A->B and B->C, fewer examples of it are needed than in a world in which the same tasks have maps that do not follow from each other (`redrawn`). And while A->C is solved, the word "
        "of B should be there to be read (`between`), by a probe that has learned to tell words of B where they are read in B->C; guessing gives an eighth. Words of one meaning may simply have similar states: that passes, too. "
        "p-values are exact sign flips over seeds, for each row on its own: of the words against the redrawn null, of what is between against the untrained network. Verdicts are those of an assessment of A->C alone, corrected "
        "over the rows of a network.",
        table(frame),
    ]
