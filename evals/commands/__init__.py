"""The commands of `python -m evals`: each module has `arguments` and `run`."""
