"""What readers see of a submission, put together from what is stored."""
