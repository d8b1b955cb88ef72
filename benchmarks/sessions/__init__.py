"""What a session costs: many agents in one process on one core, and two other frameworks under the same load."""
