"""Rows that say the same as an item in other words or another language."""
