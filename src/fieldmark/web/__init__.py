"""Model file -> a static folder: a page that answers in the browser, with no server of ours and no word to anybody."""
