"""Where an entity stands in its graph."""
