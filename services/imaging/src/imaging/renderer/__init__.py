"""The child process that decodes strangers' files: bytes in by pipe, renditions out by pipe, no credentials, no network."""
