"""Painted snakes, and the tour that learns to tell them apart."""
