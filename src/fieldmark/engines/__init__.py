"""Where work runs: a function and items in, results out, in the order of the items."""
