"""A function of the student's is compared with the author's reference on tensors."""
