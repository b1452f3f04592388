"""How much faster probes and heads are than the scikit-learn pipelines that they equal.

    python benchmarks/probes.py [--save FOLDER]

Probes read two latents off hidden states and off two controls, with the folds of units; heads
predict two channels of the next step, with the best of 16 penalties by five folds of sequences.
Prints, by numbers of sequences, steps and hidden units, the seconds of both in one run, their ratio
and the largest difference: of scores, or of predictions in standard deviations. Seconds are those
of the processor, on one core, so that other work on the machine hardly matters; ratios travel.
"""

import argparse

import numpy as np
from measure import SAVING, Table, save, timed
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from sklearn_emerge import make_probe
from sklearn_emerge._ridge import PENALTIES
from sklearn_emerge._threads import one_thread
from sklearn_emerge.likelihoods import LIKELIHOODS
from sklearn_emerge.probes import CONTROLS, control_states, score_probes
from sklearn_emerge.training import fit_head

SIZES = ((500, 256, 16), (500, 256, 64), (100, 50, 64), (30, 20, 512), (30, 5, 512))
N_REPEATS, N_FOLDS = 3, 5
UNIT = "seconds of the processor; ratio of scikit-learn over ours"


def probes(hidden, rng):
    """Return functions that probe, ours and theirs."""
    noise = rng.normal(size=(*hidden.shape[:2], 2))
    latents = hidden @ rng.normal(size=(hidden.shape[2], 2)) + noise
    states = [hidden, *(control_states(hidden, kind, 0) for kind in CONTROLS)]

    def score(probe):
        return np.array([found.score for found in score_probes(states, latents, probe=probe)])

    return lambda: score("auto"), lambda: score(make_probe())


def heads(hidden, rng):
    """Return functions that fit a head and predict with it, ours and theirs."""
    X = hidden.copy()
    X[:, 1:, :2] = hidden[:, :-1] @ rng.normal(size=(hidden.shape[2], 2))
    X[:, :, :2] += rng.normal(size=(*hidden.shape[:2], 2))
    rows = X[:, :-1].reshape(-1, X.shape[2])
    following = X[:, 1:, :2].reshape(-1, 2)

    def ours():
        likelihood = LIKELIHOODS["gaussian"]
        head, _ = fit_head(lambda part: part, X, X.shape[2], likelihood, lambda part: part[..., :2])
        return head.output(rows) / following.std(axis=0)

    def theirs():
        scaled, n = StandardScaler().fit_transform(rows), len(rows)
        errors = []
        for penalty in PENALTIES:
            ridge = Ridge(alpha=penalty * n * (1 - 1 / N_FOLDS))
            left_out = cross_val_predict(ridge, scaled, following, cv=KFold(N_FOLDS))
            errors.append(((left_out - following) ** 2).mean(axis=0))
        best = PENALTIES[np.argmin(errors, axis=0)]
        return Ridge(alpha=best * n).fit(scaled, following).predict(scaled) / following.std(axis=0)

    return ours, theirs


def main():
    """Print the table."""
    options = argparse.ArgumentParser(parents=[SAVING]).parse_args()
    print(UNIT)
    table = Table()
    for name, task in (("probes", probes), ("heads", heads)):
        for n_sequences, n_steps, n_units in SIZES:
            rng = np.random.default_rng(0)
            hidden = rng.normal(size=(n_sequences, n_steps, n_units)).cumsum(axis=1)
            with one_thread():
                ours, theirs = task(hidden, rng)
                seconds, found = timed(ours, N_REPEATS)
                others, expected = timed(theirs, N_REPEATS)
            row = dict(task=name, sequences=n_sequences, steps=n_steps, units=n_units)
            row |= dict(ours=seconds, pipeline=others, ratio=others / seconds)
            table.add(**row, difference=np.abs(found - expected).max())
    save(options.save, table.rows, UNIT)


if __name__ == "__main__":
    main()
