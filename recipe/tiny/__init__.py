"""The embedded world: a base model, its tokenizer and its training sources, all from a seed."""
