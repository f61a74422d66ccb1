"""Watch dimensionality reduction happen: tables -> methods -> epochs -> frames -> movie."""
