"""The composition root, and the settings that it reads."""
