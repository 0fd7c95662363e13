"""The processor time that gradings of each student used."""
