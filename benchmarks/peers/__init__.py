"""How interruptions are judged here and by peers, on the same sounds, side by side."""
