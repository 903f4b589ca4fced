"""What a loss is: the base classes, what they declare, and their array methods."""
