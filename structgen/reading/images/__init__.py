"""Images: read, measured, and shown as the pages of a document."""
