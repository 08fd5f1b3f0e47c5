"""Photos on two sides -> a trained classifier, in two stages, with the story of how it got there. Needs torch."""
