"""What we do when something happens: a release is ordered, lists are stale, a channel is to be told. Start with `releases`."""
