"""What is true without network, clock or environment."""
