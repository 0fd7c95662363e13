"""The service as a whole: on the databases it runs on, over HTTP, with real workers."""
