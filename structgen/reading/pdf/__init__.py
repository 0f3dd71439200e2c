"""PDF files: their text in reading order with the boxes of its words, and images of their pages."""
