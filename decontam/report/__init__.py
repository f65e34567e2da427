"""What a check says: matches with evidence, accounts of rows and items, a page to review."""
