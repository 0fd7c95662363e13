"""Later deadlines of single students."""
