"""How a text gets its tags: read, find names and concepts, link them, weigh them, say why. No input, no output."""
