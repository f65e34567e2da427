"""Text as tokens that know where they stand: one definition, and a fast path held to it."""
