"""What goes into a release as it is; run there by its Python, or by one that may be another."""
