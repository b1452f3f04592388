"""Trained networks of the reproduction: weights in single precision, with a checksum."""
