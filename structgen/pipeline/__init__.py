"""Many documents in, one typed outcome for each: jobs, their journal, their limits, what they read and write."""
