"""Every event that crosses a border between Depesha's services, and the words they are made of.

Start with `events`: it lists them all. `content` holds what they speak of, `event` what they have in common,
`catalogue` finds a class by its type and draws the documents.
"""
