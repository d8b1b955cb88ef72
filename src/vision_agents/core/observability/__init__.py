"""What happened in a call: its trace kept, its report made, its decisions run again."""
