"""What the desk decides: plain Python, no input and no output."""
