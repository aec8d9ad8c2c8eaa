"""The desk's doors: the JSON API and the pages, a module a subject."""
