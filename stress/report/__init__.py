"""What a run came to: the result, its promised JSON, and the table that a person reads."""
