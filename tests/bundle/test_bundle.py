"""A bundle is whole, the same for the same tree, and a damaged one changes nothing."""
