"""The commands of `python -m evals`, a module each: its arguments and what it does."""
