"""Later deadlines for single students."""
