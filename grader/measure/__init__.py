"""What is measured without student code: the exported artefact, audited and run as data."""
