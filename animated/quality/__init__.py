"""What an epoch is worth: neighbourhoods preserved, labels, costs."""
