"""What a use case asks of the outside."""
