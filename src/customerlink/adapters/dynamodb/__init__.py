"""What is kept in the table."""
