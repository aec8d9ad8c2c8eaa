"""What we do with what sources give: take it in, visit them, look after them."""
