"""What `bin/serve` can do, a module each."""
