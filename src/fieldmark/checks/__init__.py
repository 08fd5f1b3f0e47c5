"""Photos -> findings: what is doubtful about which photo, with the number that shows it. Nothing is moved."""
