"""From embeddings to ranked candidates and one-to-one matches."""
