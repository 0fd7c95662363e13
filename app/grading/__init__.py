"""The life of a run: begin, record, end."""
