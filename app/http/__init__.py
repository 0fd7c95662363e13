"""What stands between the wire and the endpoints: middleware, forms, sessions, who is asking."""
