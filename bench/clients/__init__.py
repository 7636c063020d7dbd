"""Other ways of sending from Python, each a process that sends, measures itself and prints what it found."""
