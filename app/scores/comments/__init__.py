"""Comments of graders on a question, which change no points, and comments saved for reuse."""
