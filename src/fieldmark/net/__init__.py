"""The only room that speaks HTTP: who may be called, and how bytes are fetched."""
