"""What a daemon tells the next one on its host: a file of its own that outlives its process."""
