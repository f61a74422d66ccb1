"""Frames, and ffmpeg, which makes MP4 and GIF of them."""
