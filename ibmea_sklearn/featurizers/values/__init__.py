"""Numbers, dates and strings that are said of entities."""
