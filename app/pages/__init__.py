"""Pages for browsers, rendered by the server from the same services as the API.

`install` puts them into an application whose services and problem handlers stand already.
"""

from app.pages.installation import install

__all__ = ["install"]
