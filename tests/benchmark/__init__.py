"""Measures this collection beside other tools that list and delete executions, and writes docs/performance.md."""
