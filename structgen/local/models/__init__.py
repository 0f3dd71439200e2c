"""Models as files: the catalog, GGUF, folders, chat templates."""
