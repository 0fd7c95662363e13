"""The commands of `assay`, one file a family; `app.cli` puts them together."""
