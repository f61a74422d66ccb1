"""When a film shows what, from where: timing, framing, tour, camera."""
