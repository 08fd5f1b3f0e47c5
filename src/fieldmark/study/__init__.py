"""Questions that need many trainings: would more photos help, which setting is better."""
