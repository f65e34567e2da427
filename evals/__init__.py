"""What is measured, how text is generated and scored, and the statistics of differences."""
