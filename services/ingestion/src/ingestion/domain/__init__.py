"""What ingestion decides, without input or output: captions and credits, clean text, typography, normal form."""
