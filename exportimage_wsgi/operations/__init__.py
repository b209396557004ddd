"""Deeds: one file a REST operation."""
