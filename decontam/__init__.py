"""Which rows of this training data hold which items of these benchmarks, on what evidence?"""
