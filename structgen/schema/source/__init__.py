"""Any JSON Schema draft or Pydantic type, read into one Draft 2020-12 schema."""
