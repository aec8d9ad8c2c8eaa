"""What we do when something happens: `stories` (texts come, editors judge), `vocabulary` (it is changed), `retagging` (an archive is tagged again)."""
