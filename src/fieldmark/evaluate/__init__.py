"""Predictions -> figures with their intervals, and the report that shows them."""
