"""Helpers for testing agents and plugins; nothing here is imported by the rest of the framework."""
