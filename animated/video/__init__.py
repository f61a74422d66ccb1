"""From plots to pictures, and from pictures to MP4 and GIF."""
