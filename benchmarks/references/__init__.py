"""What the package is compared with: the same results, as they are usually computed."""
