"""What images show."""
