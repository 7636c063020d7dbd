"""What is asked about the queue, each in a file of its own: it measures, and lays out what it found."""
