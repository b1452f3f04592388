"""Which recordings are for training and which for evaluation, if sequences have classes."""

import numpy as np


def sequence_classes(latents):
    """Return the class of each sequence by which recordings are divided.

    Parameters
    ----------
    latents : ndarray of shape (n_sequences, n_steps, n_latents) or None
        Latents; integers are classes.

    Returns
    -------
    ndarray of int of shape (n_sequences,) or None
        The number of its combination of all latents that have one class a sequence if each
        combination occurs in at least three sequences, else the first of these latents. A latent
        that is the same in all sequences, or in no two, does not count; None if none counts.
    """
    if latents is None or latents.dtype.kind == "f":
        return None
    constant = (latents == latents[:, :1]).all(axis=(0, 1))
    labels = latents[:, 0, constant].T
    labels = [each for each in labels if 1 < len(np.unique(each)) < len(each)]
    if not labels:
        return None
    _, combination, n_sequences = np.unique(
        np.stack(labels), axis=1, return_inverse=True, return_counts=True
    )
    return combination.ravel() if n_sequences.min() > 2 else labels[0]


def divide(rows, classes, n_train, n_eval):
    """Divide sequences so that every class is in both parts, where it can be.

    Parameters
    ----------
    rows : ndarray of int of shape (n_sequences,)
        The sequences in random order.
    classes : ndarray of int of shape (n_sequences,)
        The class of each sequence, by its number.
    n_train, n_eval : int
        How many sequences of each part.

    Returns
    -------
    ndarray of int of shape (n_train + n_eval,)
        Sequences for training, in random order, then those for evaluation. Among the first of
        evaluation, however many, the classes are as frequent as among all; but of a class of at
        least three sequences two come first, because a probe needs two.
    """
    _, first, label, size = np.unique(
        classes[rows], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty_like(rows)
    rank[label.argsort(kind="stable")] = np.concatenate([np.arange(n) for n in size])
    size = size[label]
    # The sequences of a class are spread from evaluation, 0, to training, 1.
    place = np.where((rank == 1) & (size > 2), 0, rank / np.maximum(size - 1, 1))
    order = np.lexsort((rank, first[label], place))
    train = np.sort(order[len(order) - n_train :])
    return rows[np.concatenate([train, order[:n_eval]])]
