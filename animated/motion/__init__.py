"""What each frame of a film shows, and from where: timing, framing, tours and cameras."""
