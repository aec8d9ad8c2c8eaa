"""What imaging decides, without input or output: which renditions, which crops, which words in the files, which limits."""
