"""How a check of many files runs: shards, workers, and the merging of what they found."""
