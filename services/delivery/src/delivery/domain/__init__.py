"""What delivery decides: signatures, when to try again, who gets what. No input, no output."""
