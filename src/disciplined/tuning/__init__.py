"""Range tests and what is read off them: on any model, without Hydra or Lightning."""
