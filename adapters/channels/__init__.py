"""The sending side of the messaging platforms."""
