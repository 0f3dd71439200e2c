"""structgen: turn free text into typed records, with a guarantee."""
