"""What is looked for: benchmark items, their tokens, and the index of their n-grams."""
