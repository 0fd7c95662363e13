"""The reference loss, its known mistakes, and the reference networks. Imports neither the service nor the engine."""
