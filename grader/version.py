"""The grader's version: results are comparable, and never measured twice, within one."""

from importlib.metadata import version

GRADER_VERSION = version("assay")
