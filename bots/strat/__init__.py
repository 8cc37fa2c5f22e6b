"""Alpha strategies: the only source of OrderIntents; they run in the desk."""
