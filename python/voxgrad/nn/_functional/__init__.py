"""nn.functional's topics."""
