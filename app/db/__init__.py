"""The database: engine, sessions, naming convention, column types."""
