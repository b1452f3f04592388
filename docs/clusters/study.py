"""The assessment that the other files of this folder run, small enough for a try."""

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld

SIZES = [2, 3]


def study(sizes=SIZES, random_state=0, n_seeds=2, **options):
    """Return the assessment of these sizes; on a cluster, `memory` is on the shared file system."""
    return EmergenceAssessment(
        OscillatorWorld(n_steps=10),
        GRUPredictor(max_steps=50),
        param_grid={"hidden_size": list(sizes)},
        n_seeds=n_seeds,
        n_train=50,
        n_eval=50,
        nulls=(),
        alpha=0.6,
        claims=("gain",),
        reservoir_sizes=None,
        random_state=random_state,
        **options,
    )
