"""
A step that the score makes
===========================

An answer has ten words, and larger networks get each word right more often.
No answer is right unless all ten words are.
`EmergenceCurveDisplay` shows both scores of the same simulated networks.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_emerge import EmergenceCurve, EmergenceCurveDisplay

capacity = np.logspace(2, 6, 12)
word = 1 - 0.7 * np.exp(-np.sqrt(capacity / 1e4))
# Each with what guessing gives: of words that is fitted.
scores = {
    "share of words": (word, "fit"),
    "share of whole answers": (word**10, 0.0),
}

figure, axes = plt.subplots(
    1, 2, figsize=(10, 4), sharey=True, layout="constrained"
)
found = {}
for ax, (name, (truth, chance)) in zip(axes, scores.items(), strict=True):
    right = np.random.default_rng(0).binomial(300, truth)
    curve = EmergenceCurve(chance=chance)
    curve.fit(capacity[:, np.newaxis], right / 300, n_trials=300)
    EmergenceCurveDisplay.from_estimator(curve, ax=ax)
    ax.set_title(name, pad=24)
    ax.set_xlabel("capacity")
    found[name] = curve.compare(random_state=0).steeper_than_smooth

# %%
# Words rise smoothly, and whole answers by a step.
# The networks are the same, so that the step is one of the score.
# The location moves, too: it is where half of the answers are right, and tells nothing of words.

assert not found["share of words"]
assert found["share of whole answers"]
