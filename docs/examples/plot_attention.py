"""
Where a transformer looks
=========================

A small transformer learns to add two numbers modulo 5.
`AttentionDisplay` shows from which tokens each attention head reads.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_emerge import AttentionDisplay, TransformerPredictor

p = 5
a, b = np.divmod(np.arange(p * p), p)
X = np.stack(
    [a, b, np.full(p * p, p), (a + b) % p], axis=1
)  # a token more is "="
train = X[np.random.default_rng(0).integers(len(X), size=200)]
model = TransformerPredictor(
    16,
    1,
    2,
    initial_weights="glorot",
    norm="post",
    lr=0.01,
    max_steps=300,
    likelihood="categorical",
    n_tokens=p + 1,
    random_state=0,
).fit(train)

figure, axes = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
for head, ax in enumerate(axes):
    AttentionDisplay.from_estimator(
        model, X, head=head, tokens="ab=", ax=ax
    )

# %%
# At "=" the network has to know both numbers, and it does: all 25 sums are right.

assert (model.predict(X)[:, 2].argmax(axis=1) == X[:, -1]).all()
