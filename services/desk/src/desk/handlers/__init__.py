"""What the desk does: `events` when others tell it something, `editing` and `releasing` when an editor does."""
