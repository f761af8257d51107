"""AWS's own protocols."""
