"""A model file -> what a host takes: a zip for functions, a folder for containers; and whether it fits. No torch."""
