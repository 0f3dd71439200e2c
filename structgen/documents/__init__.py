"""Long documents: cut into chunks, extracted piece by piece, merged into one value."""
