"""Reads uploads in a child process, with limits of time and memory, for the service and for the worker alike."""
