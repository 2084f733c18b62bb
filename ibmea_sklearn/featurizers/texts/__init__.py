"""What is written of entities, and how attributes are called."""
