"""DKIM: sign a mail in the name of its From domain, and make and look up the record that proves it."""
