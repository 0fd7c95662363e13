"""What is stored of one person: handed out as a file, or deleted."""
