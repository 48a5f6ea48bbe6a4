"""The work: jobs, their rows, and the workers that run them."""
