"""What networks are made of: pixels in, training, weights; importing this needs no PyTorch."""
