"""Where the outcomes of a job go."""
