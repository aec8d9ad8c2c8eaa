"""What `make run` sends down the road: stories written for this project, and photos made by code."""
