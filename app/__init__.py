"""The service: HTTP, database, pages and jobs around the grading engine. Student code never runs here."""
