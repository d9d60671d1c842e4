"""The optimiser step with scheduled tensors, and the groups of parameters it steps."""
