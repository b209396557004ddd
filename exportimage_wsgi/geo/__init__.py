"""Where: spatial references, extents, grids and the mesh between two grids. Values only."""
