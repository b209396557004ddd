"""Items: the rasters of a mosaic service, where they lie, and which of them are meant."""
