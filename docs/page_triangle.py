"""The part of docs/reproduction.md on *Scaling Down Transformers*."""

import pandas as pd
from page import draw, table

from sklearn_emerge import emergence_step
from sklearn_emerge.inference import paired_permutation_test
from sklearn_emerge.reproduce import RECIPES, compare_with_published

_DIFFERENCES = """
1. **Six solved examples are one and three quarters.** The prompt has six, but the model sees 45 tokens, and an example takes 20. What tells it the target language is one example and a part of another.
2. **A prompt gives words away.** The solved examples are drawn at random from eight words, so that most queries have words whose translation stands in the prompt. Ours (`task_scores` and `score_tasks`) are disjoint
   from the query unless told otherwise; the runs of Figure 2 below are scored both ways.
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
        parts += ["## When tasks emerge", emergence(trajectories), *findings(trajectories)]
    parts += ["## Figures of translations", *drawn] if drawn else []
    sparse = {n: cube for n, cube in corrected.items() if n.startswith("triangle-sparse")}
    if sparse:
        parts += ["## Is the sparse task composed of the dense ones?", *composition(sparse)]
    return parts


def emergence(cubes):
    """Return a table of the updates from which a task stays solved, and of the scores at the end."""
    rows = []
    for name, cube in cubes.items():
        measures = {"the source's prompts": "tasks", "disjoint prompts": "disjoint_tasks"}
        if "disjoint_tasks_trajectory" not in cube:
            measures = {"disjoint prompts": "tasks"}
        for prompts, measure in measures.items():
            scores = cube[f"{measure}_trajectory"].sel(condition="structured", mode="full")
            scores = scores.mean("seed").dropna("step", how="all")
            for task in scores.task.values.tolist():
                own = scores.sel(task=task)
                from_ = [
                    float(emergence_step(own.sel(score=score), 0.5, n_sustained=2))
                    for score in ("words", "sentences")
                ]
                end = own.isel(step=-1)
                rows.append((name, task, prompts, *from_, *(float(end.sel(score=s)) for s in _END)))
    columns = [
        "experiment",
        "task",
        "scored with",
        "half of the words from",
        "half of the sentences from",
        *_END.values(),
    ]
    return (
        "Updates from which half of the words, and of the sentences, are right at two recorded updates in a row; empty where they never are. At the end of training: the shares of right words and sentences; `no map`, "
        "the share of words that needs no knowledge of the map (examples known by heart, words read off the prompt, guesses among the rest), and Hoeffding's p-value of more than that; the share of words that are the "
        "most probable of the language that is asked for; the loss in nats per translated word; and the share of queries whose sentence was in training.\n\n"
        + table(pd.DataFrame(rows, columns=columns))
    )


def findings(cubes):
    """Return what the runs of Figure 2 show, in words."""
    if not {"triangle-2b", "triangle-2c"} <= set(cubes):
        return []
    without, sparse = (
        cubes[name].sel(condition="structured", mode="full").isel(seed=0)
        for name in ("triangle-2b", "triangle-2c")
    )

    def end(cube, score, prompts="disjoint_tasks"):
        return float(cube[f"{prompts}_trajectory"].sel(task="A->C", score=score).isel(step=-1))

    loss = sparse.tasks_trajectory.sel(score="loss")
    highest = int(loss.sel(task="A->C").idxmax("step"))
    dense = float(loss.sel(task=["A->B", "B->C"], step=highest).max())
    words, read = (end(sparse, score, "tasks") for score in ("words", "expected_words"))
    return [
        f"- **The curve of A->C is there, and the source's way of scoring cannot show it.** With 50 examples {words:.2f} of its words are right at the end, as published. But who has learned no map at all could read "
        f"{read:.2f} off the same prompts (p = {end(sparse, 'p_words', 'tasks'):.2g}). On prompts that give nothing away it is {end(sparse, 'words'):.2f}, where {end(sparse, 'expected_words'):.2f} needs no map "
        f"(p = {end(sparse, 'p_words'):.1g}): learned, beyond doubt.\n"
        f"- **Without examples of A->C there is nothing, not even hidden.** No word is right, and it is not only that the network never writes in C: among the words of C the right one is the most probable in "
        f"{end(without, 'choice'):.0%} of cases, where guessing would give a quarter. With 50 examples it is in {end(sparse, 'choice'):.0%}, so that most of the wrong words must be of another language.\n"
        f"- **The sparse task gets worse first** (Proposition 1). Its loss rises to {float(loss.sel(task='A->C', step=highest)):.2f} nats per word at {highest} updates, when those of the dense tasks have fallen to {dense:.2f}, and "
        f"falls only after that, to {end(sparse, 'loss', 'tasks'):.2f}. In words and sentences the same course looks like a jump.\n"
        "- **The mean loss of the first epoch** depends on the initial weights: nine updates from a loss of 3.8 on. All later ones agree.",
    ]


_END = {
    "words": "words", "sentences": "sentences", "expected_words": "no map", "p_words": "p",
    "choice": "chosen", "loss": "loss", "seen": "seen in training",
}  # fmt: skip


def composition(cubes):
    """Return paragraphs on the number of sparse examples, the null and the words between."""
    rows, between = [], []
    real, null, untrained = (
        {"condition": "structured", "mode": "full"},
        {"condition": "redrawn", "mode": "full"},
        {"condition": "structured", "mode": "random"},
    )
    for name, cube in cubes.items():
        last = cube.isel(step=-1)
        network = name.removeprefix("triangle-sparse-")
        for size in cube.world__sparse_examples.values.tolist():
            at = {"world__sparse_examples": size}
            row = [network, size]
            for score in ("words", "choice"):
                share = last.tasks_trajectory.sel(at | {"score": score, "task": "A->C"})
                row += [float(share.sel(c).mean()) for c in (real, null)]
                row.append(paired_permutation_test(share.sel(real), share.sel(null)).pvalue)
            dense = last.tasks_trajectory.sel(at | {"score": "words", "task": ["A->B", "B->C"]})
            rows.append((*row, float(dense.sel(real).mean()), cube.verdict.sel(at).item()))
            for reading in ("probe", "head"):
                share = last.between_trajectory.sel(at | {"reading": reading})
                share = share.isel(layer=-2 if share.sizes["layer"] > 1 else 0)
                between.append((
                    network, size, reading,
                    float(share.sel(real | {"solving": "A->B"}).mean()),
                    *(float(share.sel(c | {"solving": "A->C"}).mean()) for c in (real, null, untrained)),
                ))  # fmt: skip
    frame = pd.DataFrame(rows, columns=[
        "network", "examples of A->C", "words", "words, redrawn", "p", "chosen", "chosen, redrawn", "p chosen",
        "words of A->B and B->C", "verdict",
    ])  # fmt: skip
    words = pd.DataFrame(between, columns=[
        "network", "examples of A->C", "read by", "while A->B is solved", "while A->C is solved", "A->C, redrawn", "A->C, untrained",
    ])  # fmt: skip
    return [
        "If A->C is learned by way of A->B and B->C, fewer examples of it are needed than in a world in which the same tasks have maps that do not follow from each other (`redrawn`). `words` are those of a translation, "
        "`chosen` those that are the most probable word of C when the words before are given: a network may know the word and write another language. Four of the eight words are shown in the prompt, so that guessing "
        "gives a quarter. p-values are exact sign flips over seeds, for each row on its own. Verdicts are those of an assessment of A->C alone, corrected over the rows of a network.",
        table(frame),
        *_FINDINGS,
        "And while A->C is solved, is the word of B there? It is read from the states that are about to write a word, in the layer before the last, by a probe fitted where A->B is solved, and by the network's own head.",
        table(words),
        *_BETWEEN,
    ]


_FINDINGS, _BETWEEN = [], []
