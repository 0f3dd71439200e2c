"""A target as source of TypeScript, for whoever reads records in a browser or in Node."""
