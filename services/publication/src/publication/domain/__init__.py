"""What publication decides: addresses, the ninjs item, what a page and a feed say. No input, no output."""
