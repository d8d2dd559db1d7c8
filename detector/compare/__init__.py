"""Two reports in, what the second gained, lost and sees otherwise out."""
