"""What speaks to the outside: a folder for each service, and what they share."""
