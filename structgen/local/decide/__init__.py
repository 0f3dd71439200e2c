"""Deciding closed values by the probability of whole options, and what a grammar takes."""
