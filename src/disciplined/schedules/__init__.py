"""Hyper-parameters as pure functions of the iteration, and the lengths they are made of."""
