"""What a confidence is worth: curves learnt from gold, and the gate that keeps a promise."""
