"""What is looked at: files of training rows, read to their end or not at all."""
