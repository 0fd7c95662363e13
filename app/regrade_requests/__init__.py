"""A student asks for another look at a question, a teaching assistant answers, and both keep the history."""
