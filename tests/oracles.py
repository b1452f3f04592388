"""Quantities that several tests need, computed in another way than the package does."""

import numpy as np
from scipy.linalg import block_diag
from sklearn.base import clone


def covariance_of_observations(world):
    """Return the covariance of (y_1, ..., y_T) of a world with one channel, by definition."""
    A, C, Q, R, P = world.system()
    T = world.n_steps
    covariance = np.empty((T, T))
    for t in range(T):
        reach = P
        for s in range(t, T):
            covariance[t, s] = covariance[s, t] = (C @ reach @ C.T).item() + (s == t) * R.item()
            reach = A @ reach
        P = A @ P @ A.T + Q
    return covariance


def walk(q):
    """Return rho, K, S of a random walk in noise of variance 1."""
    rho = 1 + q / 2 - np.sqrt(q + q**2 / 4)
    return rho, 1 - rho, 1 / rho


def jordan(size):
    return np.eye(size) + np.eye(size, k=1)


ANGLE = np.pi / 6
ROTATION = np.array([[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]])
SYSTEMS = {
    # name: A, C, shortest stable length
    "walk": (1.0, 1.0, 1),
    "trend": (jordan(2), [1.0, 0.0], 2),
    "block of 3": (jordan(3), [1.0, 0.0, 0.0], 3),
    "alternating": (np.diag([1.0, -1.0]), [1.0, 1.0], 2),
    "walk and decay": (np.diag([1.0, 0.8]), [1.0, 1.0], 1),
    "decay": (0.8, 1.0, 0),
    "rotation and decay": (block_diag(ROTATION, 0.5), [1.0, 0.0, 1.0], 2),
}


def brute_force(world, length, horizon, padding):
    """Return the smallest risk from the covariance of all observations, by its definition."""
    covariance = covariance_of_observations(clone(world).set_params(n_steps=horizon))
    gram, cross, constant = np.zeros((length, length)), np.zeros(length), 0.0
    for t in range(1, horizon):
        if padding == "drop" and t < length:
            continue
        best = np.linalg.solve(covariance[:t, :t], covariance[:t, t])
        past = np.zeros((length, t))
        for k in range(min(length, t)):
            past[k, t - 1 - k] = 1.0
        gram += past @ covariance[:t, :t] @ past.T
        cross += past @ covariance[:t, :t] @ best
        constant += best @ covariance[:t, :t] @ best
    if not length:
        return constant
    return constant - cross @ np.linalg.solve(gram, cross)
