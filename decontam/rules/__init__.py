"""What counts as a match: the published rules, and the default."""
