"""The sandbox in one browser window: `make playground`. Never deployed; it decides nothing."""
