"""Findings -> verdicts, in a browser page that only this computer can open."""
