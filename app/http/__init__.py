"""HTTP that endpoints and pages share: middleware, the multipart form, authentication, database sessions, errors."""
