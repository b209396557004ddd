"""Words: Esri's text to our values and back. Knows neither pixels nor HTTP."""
