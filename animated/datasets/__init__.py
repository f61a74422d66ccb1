"""Any table in: read it, choose its features and labels, say what was done."""
