"""A fit, from the rows and the chosen components to its outcome."""
