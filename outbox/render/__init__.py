"""Templates: names and contexts in, subject and bodies out."""
